/**
 * Counts what an object store's operations would be billed as: writes and lists are class A, reads class B, deletes are free. Whether
 * an operation fails makes no difference to who pays.
 */
import { partBytes, type ByteRange, type ListOptions, type ObjectListing, type ObjectStore } from "./object-store.ts";

export type CountOperation = (operation: "class-a" | "class-b", count: number) => void;

export class CountedObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #count: CountOperation;

  constructor(inner: ObjectStore, count: CountOperation) {
    this.#inner = inner;
    this.#count = count;
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    this.#count("class-a", 1);
    return this.#inner.put(key, bytes);
  }

  putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (byteLength !== undefined) this.#count("class-a", 1);
    return this.#inner.putStream(key, byteLength, byteLength === undefined ? this.#counted(chunks) : chunks);
  }

  /** Of an object in parts the beginning and the end are operations too. */
  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let byteLength = 0;
    try {
      for await (const chunk of chunks) {
        byteLength += chunk.length;
        yield chunk;
      }
    } finally {
      this.#count("class-a", byteLength < partBytes ? 1 : Math.ceil(byteLength / partBytes) + 2);
    }
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#count("class-a", 1);
    return this.#inner.putIfAbsent(key, bytes);
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    this.#count("class-b", 1);
    return this.#inner.get(key, range);
  }

  list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    this.#count("class-a", 1);
    return this.#inner.list(prefix, options);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inner.delete(keys);
  }
}
