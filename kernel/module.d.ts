/** What every `#kernel-module` offers, whichever runtime it is for. */
import type { KernelExports } from "./exports.ts";

/** The instance, made synchronously. */
export declare function instantiate(): KernelExports;

/** Both fail with a DecompressError only, and never put out more than `sizeMax` bytes. */
export declare function gunzip(bytes: Uint8Array, sizeMax: number): Uint8Array | Promise<Uint8Array>;
export declare function unzstd(bytes: Uint8Array, sizeMax: number): Uint8Array | Promise<Uint8Array>;

export declare function gzip(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
/** A browser has no Zstandard compressor: a DecompressError with the fault `codec`. */
export declare function zstd(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
