/**
 * Objects in a local folder, through workerd's disk service: the store of `npm start`. The service writes beside the target and
 * renames, so a kill in mid-put leaves no torn object (only a hidden `.<name>.<pid>.<n>.tmp` that no get or list shows). It takes
 * a body that breaks off for one that ended, so bodies are whole byte arrays here; only what is too large for that is streamed, and what
 * breaks off is deleted, unless the process dies with it: then a torn object stays under a key that nobody knows. It doesn't sync: a power cut
 * may lose or empty the youngest objects, which their footers then show.
 */
import { OperatingError } from "../core/operating-error.ts";
import { checkKey, checkListing, checkRange, gathered, partsOf, wrongLength } from "./arguments.ts";
import { keysInOrder, type FolderEntry } from "./disk-listing.ts";
import { partBytes, type ByteRange, type ListOptions, type ObjectListing, type ObjectStore } from "./object-store.ts";

/** Larger bodies are streamed. */
const wholeBytesMax = 12 * 1024 * 1024 + 512 * 1024;

/** HEADs and DELETEs at once: each is a tenth of a millisecond of the same event loop, more would only queue. */
const parallelCalls = 8;

export class DiskObjectStore implements ObjectStore {
  readonly #disk: Fetcher;
  /** Keys being created through this store: the service has no conditional put, so only they can be kept apart. */
  readonly #creating = new Map<string, Promise<boolean>>();

  constructor(disk: Fetcher) {
    this.#disk = disk;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    const response = await this.#call("PUT", key, { body: bytes });
    if (response.status !== 204) throw unexpected("PUT", key, response);
  }

  async putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    checkKey(key);
    if (byteLength !== undefined && byteLength <= wholeBytesMax)
      return await this.put(key, await gathered(key, byteLength, chunks));
    let pieces = chunks;
    if (byteLength === undefined) {
      const parts = partsOf(key, undefined, chunks, partBytes);
      const first = await parts.next();
      if (first.done === true) throw new Error("a stream of parts has one at least");
      if (first.value.length < partBytes) return await this.put(key, first.value);
      pieces = withFirst(first.value, parts);
    }
    const { readable, writable } = byteLength === undefined ? new IdentityTransformStream() : new FixedLengthStream(byteLength);
    const writing = pour(key, byteLength, pieces, writable).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const putting = this.#call("PUT", key, { body: readable }).then(
      (response) => (response.status === 204 ? undefined : { error: unexpected("PUT", key, response) }),
      (error: unknown) => ({ error }),
    );
    const failure = (await writing) ?? (await putting);
    if (failure === undefined) return;
    await putting;
    await this.#deleteOne(key).catch(() => {});
    throw failure.error;
  }

  /** Atomic among the callers of this one store, not between two Durable Objects: nothing that two may create has a shared key. */
  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    checkKey(key);
    for (let rival = this.#creating.get(key); rival !== undefined; rival = this.#creating.get(key)) {
      if (await rival.catch(() => false)) return false;
    }
    const creation = this.#create(key, bytes);
    this.#creating.set(key, creation);
    try {
      return await creation;
    } finally {
      this.#creating.delete(key);
    }
  }

  async #create(key: string, bytes: Uint8Array): Promise<boolean> {
    if ((await this.#sizeOf(key)) !== undefined) return false;
    await this.put(key, bytes);
    return true;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    checkKey(key);
    if (range !== undefined) checkRange(range);
    if (range?.length === 0) return (await this.#sizeOf(key)) === undefined ? undefined : new Uint8Array(0);
    const headers = range === undefined ? undefined : { range: `bytes=${range.start}-${range.start + range.length - 1}` };
    const response = await this.#call("GET", key, { headers });
    if (response.status === 200 || response.status === 206) {
      const bytes = new Uint8Array(await this.#read(key, response));
      return isFolder(response) ? undefined : bytes;
    }
    await response.body?.cancel();
    if (response.status === 416) return new Uint8Array(0);
    if (response.status === 404) return undefined;
    throw unexpected("GET", key, response);
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    const limit = checkListing(prefix, options);
    const keys: string[] = [];
    for await (const key of keysInOrder((folder) => this.#folder(folder), prefix, options?.startAfter ?? "")) {
      keys.push(key);
      if (keys.length > limit) break;
    }
    const page = keys.slice(0, limit);
    const found = await inParallel(page, (key) => this.#head(key));
    // An object that was deleted since its folder was read is left out.
    const objects = page.flatMap((key, index) => (found[index] === undefined ? [] : [{ key, ...found[index] }]));
    return { objects, next: keys.length > limit ? page.at(-1) : undefined };
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key);
    await inParallel(keys, (key) => this.#deleteOne(key));
  }

  async #deleteOne(key: string): Promise<void> {
    // The service deletes a folder with all that is in it: never ask for one.
    if ((await this.#sizeOf(key)) === undefined) return;
    const response = await this.#call("DELETE", key);
    await response.body?.cancel();
    if (response.status !== 204 && response.status !== 404) throw unexpected("DELETE", key, response);
  }

  /** Undefined when there is no such object; a folder is none. */
  async #sizeOf(key: string): Promise<number | undefined> {
    return (await this.#head(key))?.size;
  }

  async #head(key: string): Promise<{ readonly size: number; readonly writtenMs: number } | undefined> {
    const response = await this.#call("HEAD", key);
    if (response.status === 404 || isFolder(response)) return undefined;
    if (response.status !== 200) throw unexpected("HEAD", key, response);
    const { headers } = response;
    return { size: Number(headers.get("content-length")), writtenMs: Date.parse(headers.get("last-modified") ?? "") };
  }

  async #folder(folder: string): Promise<readonly FolderEntry[]> {
    const response = await this.#call("GET", folder);
    if (response.status === 200 && isFolder(response)) return await response.json<FolderEntry[]>();
    await response.body?.cancel();
    if (response.status === 404 || response.status === 200) return [];
    throw unexpected("GET", folder, response);
  }

  async #call(method: string, key: string, init?: RequestInit): Promise<Response> {
    try {
      return await this.#disk.fetch(`http://disk/${key}`, { ...init, method });
    } catch (error) {
      throw new OperatingError("retry", `disk: ${method} of ${key} failed: ${String(error)}`, error);
    }
  }

  async #read(key: string, response: Response): Promise<ArrayBuffer> {
    try {
      return await response.arrayBuffer();
    } catch (error) {
      throw new OperatingError("retry", `disk: GET of ${key} broke off: ${String(error)}`, error);
    }
  }
}

function isFolder(response: Response): boolean {
  return response.headers.get("content-type") === "application/json";
}

function unexpected(method: string, key: string, response: Response): OperatingError {
  return new OperatingError("retry", `disk: ${method} of ${key} answered ${response.status}`);
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function pour(
  key: string,
  byteLength: number | undefined,
  chunks: AsyncIterable<Uint8Array>,
  writable: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = writable.getWriter();
  let written = 0;
  try {
    for await (const chunk of chunks) {
      if (byteLength !== undefined && written + chunk.length > byteLength)
        throw wrongLength(key, byteLength, written + chunk.length);
      await writer.write(chunk);
      written += chunk.length;
    }
    if (byteLength !== undefined && written !== byteLength) throw wrongLength(key, byteLength, written);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelCalls, items.length) }, lane));
  return results;
}
