/**
 * Looks into single extents, for the handlers that search by time: through the same cache, checks and GETs as fetches.
 */
import type { Extent } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { Block } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { EffectSink } from "./events.ts";
import { urgency, type GetResult, type ObjectReads } from "./object-reads.ts";
import type { ReadBytes } from "./read-bytes.ts";
import type { ExtentRead } from "./read-state.ts";

export class ExtentReads {
  readonly #cache: BlockCache;
  readonly #objects: ObjectReads;
  readonly #bytes: ReadBytes;
  readonly #sink: EffectSink;

  constructor(cache: BlockCache, objects: ObjectReads, bytes: ReadBytes, sink: EffectSink) {
    this.#cache = cache;
    this.#objects = objects;
    this.#bytes = bytes;
    this.#sink = sink;
  }

  read(id: number, extent: Extent): void {
    const waiter: ExtentRead = { kind: "extent", id, extent };
    const { source, byteLength } = extent;
    if (source.kind === "inline") return this.#done(waiter, this.#cache.insert("", 0, source.records, false, "catchUp"));
    if (byteLength === 0) {
      this.#sink.push({ kind: "extent-done", id, errorCode: errorCodes.NONE, bytes: new Uint8Array(0) });
      return;
    }
    const block = this.#cache.find(source.key, source.byteStart, byteLength, "catchUp");
    if (block !== undefined) return this.#done(waiter, block);
    this.#objects.want(source.key, source.byteStart, source.byteStart + byteLength, urgency.cold, waiter);
  }

  gotten(waiter: ExtentRead, result: GetResult): void {
    if (typeof result !== "string") return this.#done(waiter, result);
    this.#sink.push({ kind: "extent-done", id: waiter.id, errorCode: errorCodes.KAFKA_STORAGE_ERROR, bytes: undefined });
  }

  #done({ id, extent }: ExtentRead, block: Block): void {
    const { baseOffset, nextOffset, byteLength, leaderEpoch, source, compacted } = extent;
    const place =
      source.kind === "object"
        ? { key: source.key, byteStart: source.byteStart, inline: undefined }
        : { key: "", byteStart: 0, inline: block };
    const bytes = this.#bytes.bytesOf(block, { baseOffset, nextOffset, byteLength, leaderEpoch, compacted, ...place });
    const errorCode = bytes === undefined ? errorCodes.CORRUPT_MESSAGE : errorCodes.NONE;
    this.#sink.push({ kind: "extent-done", id, errorCode, bytes });
  }
}
