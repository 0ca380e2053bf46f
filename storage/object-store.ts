/**
 * Where the bytes rest. Every implementation passes the one suite in test/contract/object-store.ts. Keys are never reused for
 * other bytes, so a put may be repeated. A put resolves only when the bytes survive the death of every process involved, and
 * until then no reader ever sees a part of them. Failures are OperatingErrors: retry (it may have worked) or invalid.
 */
export interface ObjectStore {
  /** Writes exactly the view. The store may keep `bytes` until the promise settles: the caller must not change them before. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * As put, for objects that are larger than the memory at hand: exactly `byteLength` bytes that come bit by bit, or as many as there are
   * where nobody knows before. While it runs the store holds a few MiB of them. What `chunks` throws is thrown here. One that failed may leave what no list or get should be asked for, so
   * its key is used for nothing else and not told to anybody.
   */
  putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * False, and nothing changed, when the key exists already. After a `retry` failure it may have worked, so that the repeated
   * call answers false to the very caller whose bytes are there.
   */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  /**
   * The bytes [start, start + length), fewer at the object's end and none beyond it; undefined when there is no such object.
   * The answer belongs to the caller, who may patch it.
   */
  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined>;
  /** Keys with the prefix in lexicographic order, after `startAfter`, at most `limit` (default and maximum 1000). */
  list(prefix: string, options?: ListOptions): Promise<ObjectListing>;
  /** Missing keys are no error. Any number of keys: implementations split to their own limits. */
  delete(keys: readonly string[]): Promise<void>;
}

/** Objects of which nobody knows the length are written in parts of this size. */
export const partBytes = 5 * 1024 * 1024;

export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

export interface ListOptions {
  readonly startAfter?: string;
  readonly limit?: number;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  /** When it was written, by the store's clock. */
  readonly writtenMs: number;
}

export interface ObjectListing {
  readonly objects: readonly ListedObject[];
  /** Pass as startAfter to go on; undefined at the end. */
  readonly next: string | undefined;
}
