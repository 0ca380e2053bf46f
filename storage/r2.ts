/**
 * Objects in an R2 bucket: the store of a deployment. R2 is strongly consistent, listing included, and a put is all or nothing.
 * Only its refusals of our own arguments are `invalid`; everything else it says is worth another try.
 */
import { OperatingError } from "../core/operating-error.ts";
import { checkKey, checkListing, checkRange, gathered, partsOf, wrongLength } from "./arguments.ts";
import { partBytes, type ByteRange, type ListOptions, type ObjectListing, type ObjectStore } from "./object-store.ts";

/** Up to here it is simpler in one piece, and takes no more memory. */
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

  async putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    checkKey(key);
    if (byteLength === undefined) return await this.#putParts(key, partsOf(key, undefined, chunks, partBytes));
    if (byteLength <= wholeBytesMax) return await this.put(key, await gathered(key, byteLength, chunks));
    // One operation whatever the size; parts would be billed one by one.
    const { readable, writable } = new FixedLengthStream(byteLength);
    const writer = writable.getWriter();
    const put = attempt(`put of ${key}`, () => this.#bucket.put(key, readable));
    put.catch(() => {});
    try {
      let done = 0;
      for await (const chunk of chunks) {
        done += chunk.length;
        if (done > byteLength) throw wrongLength(key, byteLength, done);
        // A put that failed takes nothing more, and says why itself.
        await Promise.race([writer.write(chunk), put]);
      }
      if (done !== byteLength) throw wrongLength(key, byteLength, done);
      await Promise.all([put, writer.close()]);
    } catch (error) {
      await writer.abort(error).catch(() => {});
      throw error;
    }
  }

  /** A put must be told its length: what is longer than a part becomes an object of parts, which are billed one by one. */
  async #putParts(key: string, pieces: AsyncGenerator<Uint8Array, void>): Promise<void> {
    const first = await pieces.next();
    if (first.done === true) throw new Error("a stream of parts has one at least");
    if (first.value.length < partBytes) return await this.put(key, first.value);
    const upload = await attempt(`upload of ${key}`, () => this.#bucket.createMultipartUpload(key));
    try {
      const parts: R2UploadedPart[] = [];
      for (let piece: IteratorResult<Uint8Array, void> = first; piece.done !== true; piece = await pieces.next()) {
        const number = parts.length + 1;
        const { value } = piece;
        parts.push(await attempt(`part ${number} of ${key}`, () => upload.uploadPart(number, value)));
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
