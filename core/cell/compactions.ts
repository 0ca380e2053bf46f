/**
 * Compactions of a cell's partitions: which is next, and what has been done of it. One goes in a round: the keys of what is dirty are mapped
 * as far as memory reaches, and everything below is written anew, a claim at a time. A round lives in memory: one that is lost with its
 * leader is begun again, and what its claims have swapped already is as good as what they found [I5, I7].
 */
import type { Compacted, Compaction, FollowUpdate, MergeInput, SeenTransactions } from "../coordinator.ts";
import { noneSeen } from "../compact/cleaned-transactions.ts";
import { OperatingError } from "../operating-error.ts";
import type { CellState } from "./cell-state.ts";
import { lookForCompaction, planChunk, planDirty } from "./compaction-plan.ts";
import { entryKind } from "./entry-kind.ts";
import type { NewExtent } from "./extent-log.ts";
import type { OwnObject } from "./garbage.ts";
import type { PlannedExtent } from "./merge-plan.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";
import { timed, type Released } from "./partition-changes.ts";
import type { PartitionLog } from "./partition-log.ts";
import { compacts } from "./partition-settings.ts";
import { readOwnPlace, writePlace } from "./source-place.ts";

/** Looked at in one turn: a millisecond. */
const extentsPerLook = 20_000;

interface Round {
  readonly log: PartitionLog;
  /** The number of its first claim. */
  readonly number: number;
  readonly cleanedOffset: number;
  /** Until the first claim's answer as far as may be compacted, then as far as keys were mapped. */
  endOffset: number;
  doneOffset: number;
  seen: SeenTransactions;
}

export interface CompactionPlan {
  readonly round: Round;
  readonly dirty: readonly PlannedExtent[];
}

/** What is claimed: the extents of the plan are written anew. */
export interface PlannedCompaction {
  readonly object: OwnObject;
  readonly extents: readonly PlannedExtent[];
  readonly compaction: CompactionPlan;
}

export class Compactions {
  readonly #state: CellState;
  readonly #backoffMs: number;
  #round: Round | undefined;
  /** As of the last look. */
  #dueMs: number | undefined = undefined;
  #next: PartitionLog | undefined;
  #lookedMs = -Infinity;
  #isStale = true;
  #isAnyCompacted = false;
  /** Of which that was found out. */
  #settingsVersion = -1;
  #turn = 0;

  constructor(state: CellState, backoffMs: number) {
    this.#state = state;
    this.#backoffMs = backoffMs;
  }

  changed(): void {
    this.#isStale = true;
  }

  /** Looks at partitions not more often than every log.cleaner.backoff.ms, as Kafka does; a cell without compacted ones never. */
  dueMs(nowMs: number): number | undefined {
    if (!this.#compactsAny()) return undefined;
    if (this.#round !== undefined) return nowMs;
    if (!this.#isStale) return this.#dueMs;
    const againMs = this.#lookedMs + this.#backoffMs;
    if (nowMs < againMs) return againMs;
    this.#look(nowMs);
    return this.#dueMs;
  }

  #compactsAny(): boolean {
    const { settingsVersion, partitions } = this.#state;
    if (this.#settingsVersion !== settingsVersion) {
      this.#isAnyCompacted = [...partitions.values()].some(({ settings }) => compacts(settings));
      this.#settingsVersion = settingsVersion;
    }
    return this.#isAnyCompacted;
  }

  /** Of those that are due the dirtiest is next. */
  #look(nowMs: number): void {
    const logs = [...this.#state.partitions.values()].filter(({ settings }) => compacts(settings));
    const first = Math.max(
      0,
      logs.findIndex(({ id }) => id >= this.#turn),
    );
    this.#lookedMs = nowMs;
    this.#isStale = false;
    this.#dueMs = undefined;
    this.#next = undefined;
    let share = -1;
    let visited = 0;
    for (let index = 0; index < logs.length; index++) {
      const log = logs[(first + index) % logs.length]!;
      if (visited >= extentsPerLook) {
        // The others have their turn in the next look.
        this.#turn = log.id;
        this.#isStale = true;
        this.#dueMs ??= nowMs + this.#backoffMs;
        return;
      }
      const look = lookForCompaction(this.#state, log, nowMs);
      visited += look.visited;
      if (look.dueMs !== undefined && (this.#dueMs === undefined || look.dueMs < this.#dueMs)) this.#dueMs = look.dueMs;
      if (!look.isDue || look.dirtyShare <= share) continue;
      share = look.dirtyShare;
      this.#next = log;
    }
    this.#turn = 0;
  }

  /** `number`: that of the claim to be. */
  plan(nowMs: number, number: number, share = 1): PlannedCompaction | undefined {
    if ((this.dueMs(nowMs) ?? Infinity) > nowMs) return undefined;
    const goesOn = this.#planRound(number, share);
    if (goesOn !== undefined) return goesOn;
    // The last look may have found that something would be due by now.
    if (this.#next === undefined) this.#look(nowMs);
    const log = this.#next;
    this.#next = undefined;
    this.#isStale = true;
    if (log === undefined || !this.#isThere(log)) return undefined;
    const look = lookForCompaction(this.#state, log, nowMs);
    if (!look.isDue) return undefined;
    const { endOffset } = look;
    const { cleanedOffset, logStartOffset: doneOffset } = log;
    this.#round = { log, number, cleanedOffset, endOffset, doneOffset, seen: noneSeen };
    return this.#planRound(number, share);
  }

  #isThere(log: PartitionLog): boolean {
    return this.#state.partitions.get(log.id) === log && compacts(log.settings);
  }

  #planRound(number: number, share: number): PlannedCompaction | undefined {
    const round = this.#round;
    if (round === undefined) return undefined;
    const { log, endOffset, doneOffset, cleanedOffset } = round;
    const isGood = this.#isThere(log) && log.cleanedOffset === cleanedOffset;
    const dirty = isGood ? planDirty(this.#state, log, endOffset, share) : [];
    const extents = dirty.length === 0 ? [] : planChunk(this.#state, log, doneOffset, endOffset, share);
    if (extents.length === 0) {
      this.#round = undefined;
      return undefined;
    }
    const { baseOffset } = extents[0]!;
    return { object: { kind: "compacted", cursor: number, ...log.ref, baseOffset }, extents, compaction: { round, dirty } };
  }

  /** The row of the claim has been applied: what its holder must know besides the inputs. */
  opened(
    { compaction: { round, dirty }, extents }: PlannedCompaction,
    nowMs: number,
    inputOf: (extent: PlannedExtent) => MergeInput,
  ): Compaction {
    const { log, number, endOffset, seen } = round;
    const { baseOffset } = extents[0]!;
    const { nextOffset } = extents.at(-1)!;
    const from = Math.min(baseOffset, dirty[0]!.baseOffset);
    const { producers } = log;
    const lastRecords = [];
    for (let row = 0; row < producers.count; row++) {
      const count = producers.batchCount(row);
      const last = count === 0 ? undefined : producers.batch(row, count - 1);
      const offset = last === undefined ? -1 : last.baseOffset + last.offsetCount - 1;
      if (offset >= 0 && (offset < baseOffset || offset >= nextOffset)) continue;
      lastRecords.push({ producerId: producers.producerId(row), producerEpoch: producers.epoch(row), offset });
    }
    return {
      round: number,
      dirty: dirty.map(inputOf),
      startOffset: Math.max(log.cleanedOffset, log.logStartOffset),
      endOffset,
      nowMs,
      deleteRetentionMs: log.settings.deleteRetentionMs,
      aborted: log.aborted.overlapping(from, Math.max(nextOffset, dirty.at(-1)!.nextOffset)),
      lastRecords,
      seen,
    };
  }

  /** The claim's object rests. Undefined: an extent of it is no longer what it was. */
  close(
    { object, extents, compaction: { round } }: PlannedCompaction,
    compacted: Compacted,
    nowMs: number,
    isStill: (extent: PlannedExtent) => boolean,
  ): { readonly entry: PackedWriter; readonly extents: number } | undefined {
    const { log } = round;
    const replaced = extents.filter(({ nextOffset }) => nextOffset <= compacted.endOffset && nextOffset > log.logStartOffset);
    const isWhole =
      replaced.length > 0 && replaced.every(isStill) && this.#isThere(log) && log.cleanedOffset === round.cleanedOffset;
    if (!isWhole || round !== this.#round) {
      if (round === this.#round) this.#round = undefined;
      return undefined;
    }
    round.endOffset = compacted.mapEnd;
    round.doneOffset = compacted.endOffset;
    round.seen = compacted.seen;
    const isOver = planChunk(this.#state, log, round.doneOffset, round.endOffset).length === 0;
    if (isOver) this.#round = undefined;
    const news = newExtents(compacted).filter(({ nextOffset }) => nextOffset > replaced[0]!.baseOffset);
    const out = timed(nowMs);
    out.uint(entryKind.compaction);
    writePlace(out, object);
    out.uint(log.id);
    out.uint(replaced[0]!.baseOffset);
    out.uint(replaced.length);
    out.uint(isOver ? round.endOffset + 1 : 0);
    out.uint(news.length);
    let last = { baseOffset: 0, position: 0, maxTimestamp: 0 };
    for (const extent of news) {
      out.uint(extent.baseOffset - last.baseOffset);
      out.uint(extent.position - last.position);
      out.uint(extent.byteLength);
      out.int(extent.maxTimestamp - last.maxTimestamp);
      last = extent;
    }
    out.uint(compacted.forgotten.length);
    let lastOffset = 0;
    for (const offset of compacted.forgotten) {
      out.uint(offset - lastOffset);
      lastOffset = offset;
    }
    return { entry: out, extents: news.length };
  }

  /** The claim was given back or has run out. */
  dropped(): void {
    this.#round = undefined;
  }
}

interface WrittenExtent {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly position: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
}

function newExtents({ extents, endOffset }: Compacted): WrittenExtent[] {
  let position = 0;
  return extents.map((extent, index) => {
    const start = position;
    position += extent.byteLength;
    return { ...extent, position: start, nextOffset: extents[index + 1]?.baseOffset ?? endOffset };
  });
}

/** `released` hears of every row that nothing reads any more. */
export function applyCompaction(state: CellState, reader: PackedReader, released: Released): FollowUpdate[] {
  const place = readOwnPlace(reader);
  if (place.cursor === state.claim?.cursor) state.claim = undefined;
  const log = state.partitions.get(reader.uint());
  const baseOffset = reader.uint();
  const count = reader.uint();
  const cleanedOffset = reader.uint() - 1;
  const news: NewExtent[] = [];
  let last = { baseOffset: 0, byteStart: 0, byteLength: 0, maxTimestamp: 0 };
  for (let left = reader.uint(); left > 0; left--) {
    last = {
      baseOffset: last.baseOffset + reader.uint(),
      byteStart: last.byteStart + reader.uint(),
      byteLength: reader.uint(),
      maxTimestamp: last.maxTimestamp + reader.int(),
    };
    news.push(last);
  }
  const bytes = news.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const source = state.sources.add(place, news.length, bytes);
  const isReplaced = log?.extents.replace(
    baseOffset,
    count,
    () => news,
    source,
    (former) => {
      const dead = state.release(former);
      if (dead !== undefined) released(dead);
    },
  );
  if (log === undefined || isReplaced !== true || news.length === 0)
    throw new OperatingError("corrupt", "a journal row compacts extents that are not there");
  const forgotten = new Set<number>();
  let offset = 0;
  for (let left = reader.uint(); left > 0; left--) forgotten.add((offset += reader.uint()));
  if (forgotten.size > 0) log.aborted.remove(forgotten);
  if (cleanedOffset >= 0) log.cleanedTo(cleanedOffset, state.nowMs);
  return [{ kind: "compacted", ...log.ref, bounds: log.bounds }];
}
