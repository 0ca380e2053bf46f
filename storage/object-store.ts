/**
 * Where the bytes rest. Every implementation passes the one suite in test/contract/object-store.ts. Keys are never reused for
 * other bytes, so a put may be repeated. A put resolves only when the bytes survive the death of every process involved.
 */
export interface ObjectStore {
  /** The store may keep `bytes` until the promise settles: the caller must not change them before. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** False, and nothing changed, when the key exists already. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  /** The bytes [start, start + length), fewer at the object's end; undefined when there is no such object. */
  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined>;
  /** Keys with the prefix in lexicographic order, after `startAfter`, at most `limit` (default and maximum 1000). */
  list(prefix: string, options?: { startAfter?: string; limit?: number }): Promise<ObjectListing>;
  /** Missing keys are no error. Any number of keys: implementations split to their own limits. */
  delete(keys: readonly string[]): Promise<void>;
}

export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

export interface ObjectListing {
  readonly objects: readonly { readonly key: string; readonly size: number }[];
  /** Pass as startAfter to go on; undefined at the end. */
  readonly next: string | undefined;
}
