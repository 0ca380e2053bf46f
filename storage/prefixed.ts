/**
 * One virtual cluster's share of a store: every key gets the cluster's prefix on the way in and loses it on the way out, so the
 * cores speak of relative keys and cannot reach another cluster's objects (I10).
 */
import { checkKey } from "./arguments.ts";
import type { ByteRange, ListOptions, ObjectListing, ObjectStore } from "./object-store.ts";

/**
 * A cluster's name as the beginning of its keys. Names may have capitals, keys may not, because some file systems would take two
 * clusters for one: "_" marks a capital and itself, so that no two names meet.
 */
export function clusterFolder(cluster: string): string {
  return cluster.replaceAll(/[A-Z_]/g, (character) => `_${character.toLowerCase()}`);
}

export class PrefixedObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #prefix: string;

  /** `folder` without a slash at its end. */
  constructor(inner: ObjectStore, folder: string) {
    checkKey(folder);
    this.#inner = inner;
    this.#prefix = `${folder}/`;
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    return this.#inner.put(this.#prefix + key, bytes);
  }

  putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#inner.putStream(this.#prefix + key, byteLength, chunks);
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#inner.putIfAbsent(this.#prefix + key, bytes);
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    return this.#inner.get(this.#prefix + key, range);
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    const startAfter = options?.startAfter;
    const listing = await this.#inner.list(this.#prefix + prefix, {
      ...options,
      startAfter: startAfter === undefined ? undefined : this.#prefix + startAfter,
    });
    const cut = this.#prefix.length;
    return {
      objects: listing.objects.map((object) => ({ ...object, key: object.key.slice(cut) })),
      next: listing.next?.slice(cut),
    };
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inner.delete(keys.map((key) => this.#prefix + key));
  }
}
