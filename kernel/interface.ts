/**
 * What the kernels do, for both their homes: WebAssembly (kernel.ts) and the plain TypeScript twins (twins.ts), which are the
 * oracle of the property tests and the baseline of the benches. Calls are synchronous and keep nothing: inputs are copied in
 * once, results are fresh or written where the caller says.
 */
export interface Kernel {
  crc32c(bytes: Uint8Array): number;

  /**
   * Walks a produced record set. `ok` with every batch's coordinates, or the first thing that is wrong and where. The inside of
   * compressed batches is left alone: decompress it and ask `validateBody` where it matters (keys on compacted topics).
   */
  validate(records: Uint8Array, options: ValidateOptions): ValidateResult;

  /** Walks the records of one batch's decompressed body; positions count from its start. */
  validateBody(body: Uint8Array, recordCount: number, keysRequired: boolean): ValidateBodyResult;

  /** Writes final offsets (and the leader epoch) into the batches of `records`, in place, from `baseOffset` on. Answers the next offset. */
  assignOffsets(records: Uint8Array, baseOffset: number, leaderEpoch: number): number;

  /** Sets LogAppendTime and the timestamp on every batch in place, and the new CRC. */
  stampAppendTime(records: Uint8Array, timestamp: number): void;

  /** Writes the max timestamp of the one batch that `batch` is, in place, and the new CRC. */
  correctMaxTimestamp(batch: Uint8Array, maxTimestamp: number): void;

  /** Copies the pieces one after the other, batch prologues patched when a piece has a base offset: merge and WAL encoding. */
  gather(pieces: readonly GatherPiece[]): Uint8Array;

  /** The headers of every batch of a set that is known to be good. A cut last batch is left out. */
  batches(records: Uint8Array): BatchHeader[];

  /** Iterates over the records of one uncompressed batch body (`recordsBytes` after decompression). */
  records(header: BatchHeader, body: Uint8Array): RecordView[];

  /** The first record of one batch body whose timestamp is at or after `timestamp`. */
  firstRecordAtOrAfter(header: BatchHeader, body: Uint8Array, timestamp: number): RecordPosition | undefined;

  /** Both throw a DecompressError for malformed input and for output larger than `sizeMax`. */
  decompressLz4(frame: Uint8Array, sizeMax: number): Uint8Array;
  /** Raw or with xerial's framing, told apart by the magic. */
  decompressSnappy(bytes: Uint8Array, sizeMax: number): Uint8Array;
}

export interface ValidateOptions {
  /** A compacted topic: every record needs a key. */
  readonly keysRequired: boolean;
  readonly batchSizeMax: number;
}

export type ValidateResult =
  | { readonly ok: true; readonly batches: readonly WalkedBatch[] }
  | {
      readonly ok: false;
      readonly reason: InvalidReason;
      readonly batchIndex: number;
      readonly recordIndex: number;
      readonly position: number;
    };

export type ValidateBodyResult =
  | {
      readonly ok: true;
      /** Above the batch's base timestamp. */
      readonly timestampDeltaMax: number;
    }
  | { readonly ok: false; readonly reason: InvalidReason; readonly recordIndex: number; readonly position: number };

/** `recordIndex` is -1 for what is wrong with a batch as a whole; `position` is where the batch or the record begins. */
export type InvalidReason =
  | "truncated"
  | "magic"
  | "length"
  | "crc"
  | "count"
  | "offset-delta"
  | "base-offset"
  | "control"
  | "key-missing"
  | "too-large"
  | "codec";

export interface ValidatedBatch {
  readonly position: number;
  readonly size: number;
  readonly offsetCount: number;
  readonly attributes: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

export interface WalkedBatch extends ValidatedBatch {
  /**
   * The largest timestamp of the records themselves, which `maxTimestamp` should be and may lie about. Where a body is compressed
   * and nobody has looked, it is `maxTimestamp`.
   */
  readonly recordsMaxTimestamp: number;
}

export interface BatchHeader extends ValidatedBatch {
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly recordCount: number;
}

export interface RecordView {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface RecordPosition {
  readonly offset: number;
  readonly timestamp: number;
}

export interface GatherPiece {
  readonly bytes: Uint8Array;
  /** Undefined: copied as it is. */
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
}

/** Keys and the newest offset of each, of a bounded number of keys: what a compaction knows of the records that it goes through. */
export interface KeyMap {
  readonly size: number;
  /**
   * Puts the keys of a batch's records from the map's first offset on. Answers the offset of the last record it took in plus one, and
   * whether there was room for all; undefined when the body is malformed.
   */
  put(body: Uint8Array, recordCount: number, baseOffset: number): { readonly end: number; readonly isFull: boolean } | undefined;
  /**
   * The records that stay: all from `mapEnd` on; below it those with a key for which no later offset is known, and of those without a
   * value only when tombstones are kept. Undefined when the body is malformed.
   */
  filter(
    body: Uint8Array,
    recordCount: number,
    baseOffset: number,
    mapEnd: number,
    keepTombstones: boolean,
  ): KeptRecords | undefined;
}

export interface KeptRecords {
  readonly recordCount: number;
  /** Of those without a value. */
  readonly tombstones: number;
  /** The latest of them, above the batch's base timestamp. */
  readonly timestampDeltaMax: number;
  /** The records as they were, one behind the other; good until the next call. */
  readonly body: Uint8Array;
}
