/**
 * Reads on their way to an answer: from the tail index where it knows enough, by a look-up at the leader where not, waiting for
 * commits of any broker (D10) until there are minBytes, an error or the deadline. An empty answer needs the leader's word, no
 * older than the read: a stale index never makes a client believe that there is nothing.
 */
import type { FollowReply } from "../coordinator.ts";
import type { Kernel } from "../../kernel/interface.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { Block } from "./block.ts";
import { BlockCache } from "./block-cache.ts";
import type { BrokerEvent, EffectSink } from "./events.ts";
import { ExtentReads } from "./extent-reads.ts";
import { Finds, type FindsHost } from "./finds.ts";
import { Follows, type CellFollow } from "./follows.ts";
import type { ReadOutcome, ReadRequest } from "./interface.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { ObjectReads, urgency, type GetResult, type ReadsHost, type Waiter } from "./object-reads.ts";
import { noBounds, unreadable } from "./outcomes.ts";
import type { CommitListener } from "./produce.ts";
import { takeOwnCommit, type OwnCommit } from "./own-commits.ts";
import { abortedBefore, cachePartOf, nextExtent, ReadBytes, readableEnd, type PartBytes, type Want } from "./read-bytes.ts";
import type { Read, ReadPart } from "./read-state.ts";
import { forgetPlaces, type PartitionIndex } from "./tail-index.ts";
import { Timers } from "./timers.ts";

export interface FetchOptions {
  readonly kernel: Pick<Kernel, "assignOffsets" | "crc32c">;
  readonly budget: MemoryBudget;
  readonly sink: EffectSink;
}

const findsMax = 5;
/** Times that a read begins again because bytes had to make room before they could be sent. */
const roundsMax = 5;
const freshForMs = 1000;
/** Who has got what it waited for will soon wait for the next. */
const tailReturnsMs = 50;

export class FetchMachine implements ReadsHost, FindsHost, CommitListener {
  readonly sink: EffectSink;
  readonly timers = new Timers<(now: number) => void>();
  readonly cache: BlockCache;
  readonly budget: MemoryBudget;
  readonly #follows: Follows;
  readonly #objects: ObjectReads;
  readonly #bytes: ReadBytes;
  readonly #extents: ExtentReads;
  readonly #finds: Finds;
  readonly #reads = new Map<number, Read>();
  /** Blocks that responses on their way out point into. */
  readonly #unreleased = new Map<number, readonly Block[]>();
  #turn = 0;
  /** Reads that wait for commits. */
  #waiting = 0;
  #waitedUntil = -Infinity;

  constructor({ kernel, budget, sink }: FetchOptions) {
    this.sink = sink;
    this.budget = budget;
    this.cache = new BlockCache(budget);
    this.#follows = new Follows(sink, this.timers, this.cache);
    this.#objects = new ObjectReads(this);
    this.#bytes = new ReadBytes(this.cache, kernel, sink);
    this.#finds = new Finds(this, this.#bytes);
    this.#extents = new ExtentReads(this.cache, this.#objects, this.#bytes, sink);
  }

  isTailWaitedFor(now: number): boolean {
    return this.#waiting > 0 || now < this.#waitedUntil + tailReturnsMs;
  }

  nextDeadline(): number | undefined {
    return this.timers.next();
  }

  tick(now: number): void {
    for (let act = this.timers.takeDue(now); act !== undefined; act = this.timers.takeDue(now)) act(now);
  }

  handle(event: BrokerEvent, now: number): void {
    if (event.kind === "read") this.#read(event.id, event.request, now);
    else if (event.kind === "read-released") this.#release(event.id);
    else if (event.kind === "read-cancelled") this.#cancel(event.id, now);
    else if (event.kind === "read-extent") this.#extents.read(event.id, event.extent);
    else if (event.kind === "find-reply") {
      const cell = this.#finds.reply(event.id, event.reply, now);
      if (cell !== undefined) this.#follows.ensure(cell, now);
    } else if (event.kind === "find-failed") this.#finds.failed(event.id, event.message, now);
    else if (event.kind === "follow-reply") this.#followReply(event.id, event.reply, now);
    else if (event.kind === "follow-failed") this.#followFailed(event.id, event.message, now);
    else if (event.kind === "get-done") this.#objects.done(event.id, event.bytes, now);
    else if (event.kind === "get-failed") this.#objects.failed(event.id, event.message, now);
  }

  /** After every event and tick: GETs that may go now, and memory that has to be given back. */
  settle(now: number): void {
    const short = this.#objects.pump(now);
    if (short !== undefined) {
      this.#relieve(short, now);
      // Nothing else may happen for whose sake the GETs would be looked at again.
      this.#objects.pump(now);
    }
    this.cache.shrinkTo(this.budget.cacheRoomBytes, this.budget.laggingRoomBytes);
  }

  // Arrival.

  #read(id: number, request: ReadRequest, now: number): void {
    const waitMs = request.minBytes <= 0 ? 0 : Math.max(0, request.maxWaitMs);
    const read: Read = {
      kind: "read",
      id,
      request,
      parts: [],
      first: request.items.length === 0 ? 0 : this.#turn % request.items.length,
      maxBytes: Math.max(1, Math.min(request.maxBytes, this.budget.limitBytes / 8)),
      arrivedAt: now,
      deadline: now + waitMs,
      timer: undefined,
      available: 0,
      failed: false,
      findsUnanswered: 0,
      getsUnanswered: 0,
      overdue: waitMs === 0 || request.items.length === 0,
      got: false,
      rounds: 0,
      answered: false,
      waitsOn: [],
      pinned: [],
    };
    this.#turn += 1;
    this.#reads.set(id, read);
    for (const item of request.items) {
      const cell = this.#follows.cell(item.cell);
      const index = cell.index.partition(item.topicId, item.partition);
      read.parts.push({
        kind: "part",
        read,
        item,
        cell,
        index,
        errorCode: 0,
        available: 0,
        needsFind: false,
        confirmed: false,
        finds: 0,
        strikes: 0,
        found: undefined,
      });
    }
    if (!read.overdue) read.timer = this.timers.add(read.deadline, (later) => this.#deadline(read, later));
    this.#plan(read, now);
  }

  #cancel(id: number, now: number): void {
    const read = this.#reads.get(id);
    if (read === undefined) return;
    this.#close(read, now);
    for (const block of read.pinned) this.cache.unpin(block);
  }

  #release(id: number): void {
    const blocks = this.#unreleased.get(id);
    if (blocks === undefined) return;
    this.#unreleased.delete(id);
    for (const block of blocks) this.cache.unpin(block);
  }

  #close(read: Read, now: number): void {
    read.answered = true;
    this.#reads.delete(read.id);
    if (read.timer !== undefined) this.timers.cancel(read.timer);
    if (read.getsUnanswered > 0) for (const part of read.parts) this.#objects.forget(part);
    this.#leave(read, now);
  }

  /** It waits for commits no longer: it has enough, or no time left. */
  #leave(read: Read, now: number): void {
    if (read.waitsOn.length === 0) return;
    this.#waiting -= 1;
    this.#waitedUntil = now;
    for (const part of read.parts) part.index.waiters.delete(part);
    for (const cell of read.waitsOn) this.#follows.leave(cell);
    read.waitsOn = [];
  }

  // What is there.

  looked(read: Read, now: number): void {
    this.#plan(read, now);
  }

  #plan(read: Read, now: number): void {
    if (read.answered || read.findsUnanswered > 0) return;
    read.available = 0;
    let asked: Map<CellFollow, ReadPart[]> | undefined;
    for (const part of read.parts) {
      if (part.errorCode !== 0) continue;
      part.available = part.needsFind ? -1 : this.#available(part, now);
      if (part.available >= 0) read.available += part.available;
      else if (part.finds >= findsMax) this.fail(part, errorCodes.NOT_LEADER_OR_FOLLOWER);
      else {
        asked ??= new Map();
        const parts = asked.get(part.cell);
        if (parts === undefined) asked.set(part.cell, [part]);
        else parts.push(part);
      }
    }
    if (asked === undefined) this.#decide(read, now);
    else for (const [cell, parts] of asked) this.#finds.ask(read, cell, parts);
  }

  /** Bytes that the part could have, up to its maxBytes; -1 when the leader must be asked. */
  #available(part: ReadPart, now: number): number {
    const { index, item, found, cell } = part;
    const { bounds } = index;
    if (bounds === undefined || item.offset < bounds.logStartOffset) return -1;
    const looked = found !== undefined;
    if (!looked && index.hasTail && item.offset === index.tailEnd) return 0;
    if (!looked && now - index.foundAt > freshForMs && !this.#follows.fresh(cell, now)) return -1;
    const end = readableEnd(part);
    let sum = 0;
    let { offset } = item;
    const enough = Math.max(1, item.maxBytes);
    for (let extent = nextExtent(part, offset); extent !== undefined; extent = nextExtent(part, offset)) {
      if (offset >= end) return sum;
      sum += extent.byteLength;
      ({ nextOffset: offset } = extent);
      if (sum >= enough || (part.strikes > 0 && sum > 0)) return Math.min(sum, enough);
    }
    if (looked || (index.hasTail && offset === index.tailEnd)) return sum;
    return sum > 0 && sum >= part.read.request.minBytes ? sum : -1;
  }

  // Waiting.

  #decide(read: Read, now: number): void {
    if (read.answered || read.findsUnanswered > 0 || read.getsUnanswered > 0) return;
    const enough = read.available >= Math.max(1, read.request.minBytes);
    if (read.failed || enough || (read.overdue && read.available > 0)) this.#collect(read, now);
    else if (!read.overdue) this.#wait(read, now);
    else if (this.#confirm(read, now)) this.#answer(read, now);
    else this.#plan(read, now);
  }

  /** Whether nothing is as true as it seems here; otherwise marks the parts for which the leader must be asked. */
  #confirm(read: Read, now: number): boolean {
    let confirmed = true;
    for (const part of read.parts) {
      if (part.errorCode !== 0 || part.confirmed || this.#follows.confirmedSince(part.cell, read.arrivedAt, now)) continue;
      part.needsFind = true;
      confirmed = false;
    }
    return confirmed;
  }

  #wait(read: Read, now: number): void {
    read.got = false;
    if (read.waitsOn.length > 0) return;
    this.#waiting += 1;
    for (const part of read.parts) {
      part.index.waiters.add(part);
      if (!read.waitsOn.includes(part.cell)) read.waitsOn.push(part.cell);
    }
    for (const cell of read.waitsOn) this.#follows.wait(cell, read, now);
  }

  #deadline(read: Read, now: number): void {
    read.overdue = true;
    read.timer = undefined;
    if (read.getsUnanswered === 0) this.#decide(read, now);
    else this.#answerInPart(read, now);
    this.#leave(read, now);
  }

  /** Some bytes may be here while others are on their way: those here are enough now. */
  #answerInPart(read: Read, now: number): boolean {
    const ready = read.parts.some((part) => {
      const extent = part.available > 0 ? nextExtent(part, part.item.offset) : undefined;
      return extent !== undefined && this.#bytes.blockOf(extent, cachePartOf(part)) !== undefined;
    });
    if (!ready) return false;
    for (const part of read.parts) this.#objects.forget(part);
    read.getsUnanswered = 0;
    read.got = true;
    this.#collect(read, now);
    return true;
  }

  /**
   * No GET may go on: reads that hold bytes while they wait for more give them up, to the client if they can; for lagging ones only those
   * whose bytes count among theirs: a reader may have come to the tail since.
   */
  #relieve(short: "tail" | "lagging", now: number): void {
    for (const read of this.#reads.values()) {
      if (read.getsUnanswered === 0 || read.pinned.length === 0) continue;
      if (short === "lagging" && !read.pinned.some((block) => block.part === "catchUp")) continue;
      if (this.#answerInPart(read, now)) continue;
      for (const block of read.pinned.splice(0)) this.cache.unpin(block);
    }
  }

  #followReply(id: number, reply: FollowReply, now: number): void {
    const cell = this.#follows.answered(id, now);
    if (cell === undefined) return;
    const woken = new Set<Read>();
    if (reply.gap) {
      for (const part of cell.index.waiters()) woken.add(part.read);
      cell.index.gap();
    } else {
      for (const update of reply.updates) this.#wake(cell.index.update(update), woken);
      cell.index.cursor = Math.max(cell.index.cursor ?? 0, reply.cursor);
    }
    for (const read of woken) this.#plan(read, now);
    if (reply.updates.length === 0 && !reply.gap) this.#follows.pauseAfterNothing(cell, now);
    this.#follows.ensure(cell, now);
  }

  #followFailed(id: number, message: string, now: number): void {
    const cell = this.#follows.failed(id, now);
    if (cell === undefined) return;
    this.sink.push({ kind: "log", level: "warn", event: "follow-failed", fields: { cell: cell.index.cell, message } });
  }

  #wake(index: PartitionIndex | undefined, woken: Set<Read>): void {
    if (index === undefined) return;
    for (const part of index.waiters) {
      // What became stable since the look-up is not in its list of the aborted.
      if (part.read.request.readCommitted) part.found = undefined;
      woken.add(part.read);
    }
  }

  // This broker's own commits.

  stored(key: string, object: Uint8Array): void {
    this.cache.insert(key, 0, object, true, "tail");
  }

  committed(commit: OwnCommit, now: number): void {
    const cell = this.#follows.known(commit.part.cell);
    if (cell === undefined) return;
    const woken = new Set<Read>();
    takeOwnCommit(commit, cell.index, this.cache, (index) => this.#wake(index, woken));
    for (const read of woken) this.#plan(read, now);
  }

  // Bytes.

  #collect(read: Read, now: number): void {
    if (!read.got && !read.failed) {
      const wants = this.#bytes.wants(read);
      if (read.parts.some((part) => part.needsFind)) return this.#plan(read, now);
      if (wants.length > 0) {
        this.#leave(read, now);
        read.getsUnanswered = wants.length;
        for (const want of wants) this.#want(want, want.part);
        return;
      }
    }
    this.#answer(read, now);
  }

  #want({ key, start, end, urgency: wish }: Want, waiter: Waiter | undefined): void {
    this.#objects.want(key, start, end, wish, waiter);
  }

  gotten(waiters: readonly Waiter[], result: GetResult, now: number): void {
    for (const waiter of waiters) {
      if (waiter.kind === "extent") this.#extents.gotten(waiter, result);
      else if (!waiter.read.answered) {
        const { read } = waiter;
        read.getsUnanswered -= 1;
        if (result === "missing") this.#strike(waiter, errorCodes.KAFKA_STORAGE_ERROR);
        else if (result === "unreachable") this.fail(waiter, errorCodes.KAFKA_STORAGE_ERROR);
        // Another waiter may have found the bytes damaged just now: then they are got again.
        else if (result.resident || result.pins > 0) this.#bytes.pin(read, result);
        if (read.getsUnanswered === 0) {
          read.got = !read.parts.some((part) => part.needsFind);
          this.#plan(read, now);
        }
      }
    }
  }

  /**
   * Mergers move bytes and delete objects later: the first time, the leader is asked where they are now, and what is there is enough
   * then. However many of its objects were missing, that is once.
   */
  #strike(part: ReadPart, errorCode: number): void {
    if (part.needsFind) return;
    part.strikes += 1;
    part.read.overdue = true;
    part.found = undefined;
    forgetPlaces(part.index);
    if (part.strikes > 1) this.fail(part, errorCode);
    else part.needsFind = true;
  }

  fail(part: ReadPart, errorCode: number): void {
    part.errorCode = errorCode;
    part.available = 0;
    part.needsFind = false;
    part.read.failed = true;
  }

  #answer(read: Read, now: number): void {
    const taken = new Map<ReadPart, PartBytes>();
    let room = read.maxBytes;
    let total = 0;
    for (let turn = 0; turn < read.parts.length; turn += 1) {
      const part = read.parts[(read.first + turn) % read.parts.length]!;
      if (part.errorCode !== 0 || part.available <= 0 || (room <= 0 && total > 0)) continue;
      const bytes = this.#bytes.take(part, Math.min(room, part.item.maxBytes), total === 0);
      if (bytes.damaged) this.#strike(part, errorCodes.CORRUPT_MESSAGE);
      else if (bytes.transactional) part.needsFind = true;
      room -= bytes.byteLength;
      total += bytes.byteLength;
      taken.set(part, bytes);
    }
    // A gap may have taken what was known while bytes were on their way.
    for (const part of read.parts) if (part.errorCode === 0 && part.index.bounds === undefined) part.needsFind = true;
    const lost = total === 0 && read.available > 0 && !read.failed && read.rounds < roundsMax;
    if (lost || read.parts.some((part) => part.needsFind)) {
      read.got = false;
      read.rounds += 1;
      return this.#plan(read, now);
    }
    this.#close(read, now);
    const outcomes = read.parts.map((part) => this.#outcome(part, taken.get(part)));
    if (read.pinned.length > 0) this.#unreleased.set(read.id, read.pinned);
    this.sink.push({ kind: "read-done", id: read.id, outcomes });
  }

  #outcome(part: ReadPart, bytes: PartBytes | undefined): ReadOutcome {
    const { item, index, errorCode } = part;
    if (errorCode !== 0) return unreadable(item, errorCode, index.bounds);
    const isEmpty = bytes === undefined || bytes.byteLength === 0;
    const lists = part.read.request.readCommitted && !isEmpty;
    const abortedTransactions = lists ? abortedBefore(part, bytes.nextOffset) : [];
    if (!isEmpty) this.#readAhead(part, bytes.nextOffset);
    return {
      topicId: item.topicId,
      partition: item.partition,
      errorCode: 0,
      bounds: index.bounds ?? noBounds,
      records: bytes?.records ?? [],
      abortedTransactions,
    };
  }

  #readAhead(part: ReadPart, nextOffset: number): void {
    const sequential = part.index.readEnd === part.item.offset;
    part.index.readEnd = nextOffset;
    if (!sequential || this.budget.cacheRoomBytes < 4 * part.item.maxBytes) return;
    for (const want of this.#bytes.ahead(part, nextOffset)) this.#want({ ...want, urgency: urgency.ahead }, undefined);
  }
}
