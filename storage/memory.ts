/**
 * Objects in memory: for tests, the simulator and clusters that live in one browser tab. Bytes are copied on the way in and out,
 * because callers patch offsets in what they were given and reuse what they gave.
 */
import { checkKey, checkListing, checkRange, gathered } from "./arguments.ts";
import type { ByteRange, ListOptions, ObjectListing, ObjectStore } from "./object-store.ts";

export class MemoryObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();
  readonly #written = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  #set(key: string, bytes: Uint8Array): void {
    this.#objects.set(key, bytes);
    this.#written.set(key, this.#now());
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    this.#set(key, bytes.slice());
  }

  async putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    checkKey(key);
    this.#set(key, await gathered(key, byteLength, chunks));
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    checkKey(key);
    if (this.#objects.has(key)) return false;
    this.#set(key, bytes.slice());
    return true;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    checkKey(key);
    if (range !== undefined) checkRange(range);
    const bytes = this.#objects.get(key);
    return range === undefined ? bytes?.slice() : bytes?.slice(range.start, range.start + range.length);
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    const limit = checkListing(prefix, options);
    const startAfter = options?.startAfter ?? "";
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).toSorted();
    const objects = keys.slice(0, limit).map((key) => ({
      key,
      size: this.#objects.get(key)!.byteLength,
      writtenMs: this.#written.get(key)!,
    }));
    return { objects, next: keys.length > limit ? objects.at(-1)!.key : undefined };
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key);
    for (const key of keys) this.#objects.delete(key);
  }
}
