/**
 * Objects in an R2 bucket: the store of a deployment. R2 is strongly consistent, listing included, and a put is all or nothing.
 * Only its refusals of our own arguments are `invalid`; everything else it says is worth another try.
 */
import { OperatingError } from "../core/operating-error.ts";
import { checkKey, checkListing, checkRange, gathered, wrongLength } from "./arguments.ts";
import { partBytes, type ByteRange, type ListOptions, type ObjectListing, type ObjectStore } from "./object-store.ts";

/** Up to here one put is cheaper, and takes no more memory. */
const wholeBytesMax = 12 * 1024 * 1024 + 512 * 1024;

/** R2's own limit for one delete. */
const deleteKeysMax = 1000;

/** Of the codes with which R2 ends its messages, those that another try would only repeat: our arguments, our rights. */
const refusals = new Set([10002, 10003, 10006, 10012, 10020, 10029, 10042, 100100]);

export class R2ObjectStore implements ObjectStore {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    await attempt(`put of ${key}`, () => this.#bucket.put(key, bytes));
  }

  async putStream(key: string, byteLength: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    checkKey(key);
    if (byteLength <= wholeBytesMax) return await this.put(key, await gathered(key, byteLength, chunks));
    const upload = await attempt(`upload of ${key}`, () => this.#bucket.createMultipartUpload(key));
    try {
      const parts: R2UploadedPart[] = [];
      for await (const part of partsOf(key, byteLength, chunks)) {
        const number = parts.length + 1;
        parts.push(await attempt(`part ${number} of ${key}`, () => upload.uploadPart(number, part)));
      }
      await attempt(`upload of ${key}`, () => upload.complete(parts));
    } catch (error) {
      // One that is left open costs storage until the bucket forgets it, after a week.
      await upload.abort().catch(() => {});
      throw error;
    }
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    checkKey(key);
    const object = await attempt(`put of ${key}`, () => this.#bucket.put(key, bytes, { onlyIf: { etagDoesNotMatch: "*" } }));
    return object !== null;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    checkKey(key);
    if (range !== undefined) checkRange(range);
    return await attempt(`get of ${key}`, () => (range === undefined ? this.#getWhole(key) : this.#getRange(key, range)));
  }

  async #getWhole(key: string): Promise<Uint8Array | undefined> {
    const object = await this.#bucket.get(key);
    return object === null ? undefined : new Uint8Array(await object.arrayBuffer());
  }

  async #getRange(key: string, range: ByteRange): Promise<Uint8Array | undefined> {
    // R2 takes no empty range: only whether the object exists is left to ask.
    if (range.length === 0) return (await this.#bucket.head(key)) === null ? undefined : new Uint8Array(0);
    try {
      const object = await this.#bucket.get(key, { range: { offset: range.start, length: range.length } });
      return object === null ? undefined : new Uint8Array(await object.arrayBuffer());
    } catch (error) {
      // A range beyond the end is an error to R2, and the simulator has several for it; the size tells them from a true fault.
      const object = await this.#bucket.head(key);
      if (object === null) return undefined;
      if (object.size <= range.start) return new Uint8Array(0);
      throw error;
    }
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    const limit = checkListing(prefix, options);
    const startAfter = options?.startAfter;
    let page = await attempt(`list of ${prefix}`, () => this.#bucket.list({ prefix, limit, startAfter }));
    // R2 may end a page early, so early that it is empty.
    while (page.truncated && page.objects.length === 0) {
      const { cursor } = page;
      page = await attempt(`list of ${prefix}`, () => this.#bucket.list({ prefix, limit, cursor }));
    }
    const objects = page.objects.map(({ key, size, uploaded }) => ({ key, size, writtenMs: uploaded.getTime() }));
    return { objects, next: page.truncated ? objects.at(-1)?.key : undefined };
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key);
    for (let from = 0; from < keys.length; from += deleteKeysMax) {
      const chunk = keys.slice(from, from + deleteKeysMax);
      await attempt(`delete of ${chunk.length} objects`, () => this.#bucket.delete(chunk));
    }
  }
}

async function* partsOf(key: string, byteLength: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(Math.min(partBytes, byteLength));
  let filled = 0;
  let done = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (done + filled === byteLength) throw wrongLength(key, byteLength, done + filled + chunk.length - at);
      const count = Math.min(chunk.length - at, part.length - filled);
      part.set(chunk.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled < part.length) continue;
      yield part;
      done += filled;
      filled = 0;
      part = new Uint8Array(Math.min(partBytes, byteLength - done));
    }
  }
  if (done !== byteLength) throw wrongLength(key, byteLength, done + filled);
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = r2Code(error);
    const kind = code !== undefined && refusals.has(code) ? "invalid" : "retry";
    throw new OperatingError(kind, `R2: ${what} failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function r2Code(error: unknown): number | undefined {
  const match = error instanceof Error ? /\((\d{5,6})\)$/.exec(error.message) : null;
  return match === null ? undefined : Number(match[1]);
}
