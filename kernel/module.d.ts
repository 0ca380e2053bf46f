/** What every `#kernel-module` offers, whichever runtime it is for: the instance, made synchronously. */
import type { KernelExports } from "./exports.ts";

export declare function instantiate(): KernelExports;
