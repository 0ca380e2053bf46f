/**
 * What the WebAssembly module exports, as assembly/index.ts lists it: addresses and numbers, nothing else. i32 results arrive
 * signed; addresses stay far below 2^31, so only CRCs need `>>> 0`.
 */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly scratchStart: () => number;
  readonly buildTables: () => void;
  readonly crc32c: (start: number, length: number) => number;
  readonly crc32cUpdate: (register: number, start: number, length: number) => number;
  readonly validate: (start: number, end: number, batchSizeMax: number, keysRequired: number) => number;
  readonly validateBody: (start: number, end: number, count: number, keysRequired: number) => number;
  readonly validationTable: () => number;
  readonly validationVerdict: () => number;
}
