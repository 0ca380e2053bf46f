/**
 * What the WebAssembly module exports, as assembly/index.ts lists it: addresses and numbers, nothing else. i32 results arrive
 * signed; addresses stay far below 2^31, so only CRCs need `>>> 0`.
 */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Once, before the first CRC. */
  readonly buildTables: () => void;
  /** Where pieces are put, and how long every piece but the last is. */
  readonly inputAddress: () => number;
  readonly pieceBytes: () => number;
  readonly crcStart: () => void;
  readonly crcPiece: () => void;
  readonly crcEnd: (length: number) => number;
  readonly walkStart: (start: number, length: number, recordCount: number, keysRequired: number) => void;
  readonly walkPiece: () => number;
  readonly walkEnd: () => number;
  readonly walkRecord: () => number;
  readonly walkPosition: () => number;
  readonly walkTimestampDeltaMax: () => number;
  readonly scratchStart: () => number;
  /** The length of the output, -1 when malformed, -2 when it is longer than `outputMax`. */
  readonly lz4Block: (input: number, inputLength: number, output: number, outputMax: number, history: number) => number;
  /** `outputLength`, or -1 when malformed. */
  readonly snappyElements: (input: number, inputLength: number, output: number, outputLength: number) => number;
  /** The length of the output, which needs room for the input, a 32nd of it and 128 bytes. */
  readonly compressLz4: (input: number, inputLength: number, output: number) => number;
  readonly compressSnappy: (input: number, inputLength: number, output: number) => number;
  /** Once: the map has `count` slots of sixteen bytes, of which `max` may be used, and four words are its secret. */
  readonly keysStart: (address: number, count: number, max: number, a: number, b: number, c: number, d: number) => void;
  readonly keysUsed: () => number;
  readonly keysLastOffset: () => number;
  /** Offsets are counted from the map's first one. */
  readonly keysPut: (body: number, length: number, count: number, base: number) => number;
  readonly keysFilter: (
    body: number,
    length: number,
    count: number,
    base: number,
    mapEnd: number,
    keepTombstones: number,
  ) => number;
  readonly keysKeptLength: () => number;
  readonly keysKeptTombstones: () => number;
  readonly keysKeptTimestampDeltaMax: () => number;
}
