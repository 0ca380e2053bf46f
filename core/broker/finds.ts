/**
 * Look-ups at the leaders for what the index doesn't know: asked per read and cell, repeated a few times, their answers given to
 * the part that asked and to the index, so that the next read need not ask.
 */
import type { FindReply, FindRequest, FindResult } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { EffectSink } from "./events.ts";
import type { CellFollow } from "./follows.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ReadBytes } from "./read-bytes.ts";
import type { Read, ReadPart } from "./read-state.ts";
import { backoffMs, type Timers } from "./timers.ts";

interface Find {
  readonly read: Read;
  readonly cell: CellFollow;
  readonly parts: readonly ReadPart[];
  /** Of the cell's index when the question was sent. */
  readonly cursor: number | undefined;
  readonly generation: number;
}

export interface FindsHost {
  readonly sink: EffectSink;
  readonly timers: Timers<(now: number) => void>;
  readonly budget: MemoryBudget;
  fail(part: ReadPart, errorCode: number): void;
  /** All look-ups of the read are answered, or have failed for now. */
  looked(read: Read, now: number): void;
}

const findBytesMax = 8 * 1024 * 1024;

export class Finds {
  readonly #host: FindsHost;
  readonly #bytes: ReadBytes;
  readonly #unanswered = new Map<number, Find>();
  #lastId = 0;

  constructor(host: FindsHost, bytes: ReadBytes) {
    this.#host = host;
    this.#bytes = bytes;
  }

  ask(read: Read, cell: CellFollow, parts: readonly ReadPart[]): void {
    this.#lastId += 1;
    const { cursor, generation } = cell.index;
    this.#unanswered.set(this.#lastId, { read, cell, parts, cursor, generation });
    read.findsUnanswered += 1;
    // Shared out, and less while memory is short, as inline bytes come with the answer.
    const roomBytes = Math.min(findBytesMax, this.#host.budget.cacheRoomBytes / 4);
    const shareBytes = Math.max(1, Math.floor(roomBytes / parts.length));
    const requests = parts.map((part) => requestOf(part, shareBytes));
    this.#host.sink.push({ kind: "find", id: this.#lastId, cell: cell.index.cell, requests });
  }

  #take(id: number): Find | undefined {
    const find = this.#unanswered.get(id);
    if (find === undefined) return undefined;
    this.#unanswered.delete(id);
    for (const part of find.parts) {
      part.index.findsUnanswered -= 1;
      part.finds += 1;
    }
    return find;
  }

  /** The cell that was asked. */
  reply(id: number, reply: FindReply, now: number): CellFollow | undefined {
    const find = this.#take(id);
    if (find === undefined) return undefined;
    const { parts, cell } = find;
    cell.index.cursor ??= reply.cursor;
    const complete = find.generation === cell.index.generation && find.cursor !== undefined && reply.cursor >= find.cursor;
    const joins = complete || reply.cursor >= cell.index.cursor;
    for (const [at, part] of parts.entries()) {
      const result = reply.results[at];
      if (result === undefined) throw new Error(`a look-up of ${parts.length} was answered with ${reply.results.length} results`);
      this.#found(part, result, joins, now);
    }
    this.#settle(find, now);
    return cell;
  }

  #found(part: ReadPart, result: FindResult, joins: boolean, now: number): void {
    const { index } = part.cell;
    part.needsFind = false;
    part.confirmed = true;
    part.found = undefined;
    if (result.errorCode !== 0) {
      if (result.errorCode === errorCodes.OFFSET_OUT_OF_RANGE) index.outOfRange(part.index, result);
      this.#host.fail(part, result.errorCode);
      return;
    }
    const extents = index.found(part.index, part.item.offset, result, joins, now);
    const { bounds, abortedTransactions } = result;
    if (extents.length > 0) part.found = { extents, lastStableOffset: bounds.lastStableOffset, abortedTransactions };
    if (part.read.answered) return;
    // Nobody else can bring these back but another look-up: as many as the read can use stay until it is answered.
    let pinnedBytes = 0;
    for (const { inline, byteLength } of extents) {
      if (inline === undefined || pinnedBytes >= Math.min(part.item.maxBytes, part.read.maxBytes)) continue;
      this.#bytes.pin(part.read, inline);
      pinnedBytes += byteLength;
    }
  }

  failed(id: number, message: string, now: number): void {
    const find = this.#take(id);
    if (find === undefined) return;
    const { finds } = find.parts[0]!;
    const fields = { cell: find.cell.index.cell, finds, message };
    this.#host.sink.push({ kind: "log", level: "warn", event: "find-failed", fields });
    for (const part of find.parts) part.needsFind = true;
    this.#host.timers.add(now + backoffMs(finds, 20, 1000), (later) => this.#settle(find, later));
  }

  #settle({ read }: Find, now: number): void {
    read.findsUnanswered -= 1;
    if (read.findsUnanswered === 0 && !read.answered) this.#host.looked(read, now);
  }
}

function requestOf({ item, index }: ReadPart, shareBytes: number): FindRequest {
  const { topicId, partition, offset, maxBytes } = item;
  index.findsUnanswered += 1;
  // A reader in sequence will go on from here: it should not have to ask every time.
  const wanted = index.readEnd === offset ? 8 * maxBytes : 2 * maxBytes;
  return { topicId, partition, offset, maxBytes: Math.max(1, Math.min(wanted, shareBytes)) };
}
