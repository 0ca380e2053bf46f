/**
 * Claims of merges (D11): planned from the state, carried out by a merger, and then decided by comparing: an extent moves only where it is
 * what it was when it was claimed. Claims live in memory alone: one that is lost with its leader costs the work, never data [I5, I7].
 */
import type { ClaimReply, Compacted, MergeInput, MergeRelease } from "../coordinator.ts";
import { extentBytesMax } from "../merge/extent-bytes.ts";
import { OperatingError } from "../operating-error.ts";
import type { CellState } from "./cell-state.ts";
import { Compactions, type CompactionPlan, type PlannedCompaction } from "./compactions.ts";
import { entryKind } from "./entry-kind.ts";
import type { OwnObject } from "./garbage.ts";
import {
  isSmallSegment,
  isWorthAClaim,
  lookForSegment,
  planFirstMerge,
  never,
  planHollow,
  planNextMerge,
  smallSegmentMs,
  type PlannedExtent,
} from "./merge-plan.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";
import { timed, type Released } from "./partition-changes.ts";
import { extentLimit } from "./partition-settings.ts";
import { readOwnPlace, writePlace } from "./source-place.ts";
import { keyOf } from "./sources.ts";
import type { Settings } from "../settings.ts";

/** After its time another merger may try: so much, and what the bytes take at a megabyte a second, or a large one would never be done. */
const claimMs = 300_000;
const claimBytesPerMs = 1000;
const part = 1;
/** A megabyte or two of what a claim may hold: what takes longer than its time then will never be done. */
const shareMin = 1 / 64;

export type MergeSettings = Pick<
  Settings,
  | "merge.enabled"
  | "merge.bytes"
  | "merge.interval.ms"
  | "merge.hollow.bytes"
  | "log.cleaner.backoff.ms"
  | "storage.delete.grace.ms"
>;

interface Plan {
  /** What will be written. Its cursor is the claim's number. */
  readonly object: OwnObject;
  readonly extents: readonly PlannedExtent[];
  readonly compaction?: CompactionPlan;
}

function isCompaction(plan: Plan): plan is PlannedCompaction {
  return plan.compaction !== undefined;
}

interface OpenClaim extends Plan {
  readonly untilMs: number;
}

export type ClaimDecision =
  | { readonly kind: "answer"; readonly reply: ClaimReply }
  /** Apply and write the entry, then give the claim away with `opened`. */
  | { readonly kind: "journal"; readonly entry: PackedWriter };

export class Merges {
  readonly #state: CellState;
  readonly #cell: number;
  readonly #settings: MergeSettings;
  readonly #readRow: (row: number) => Uint8Array;
  #planned: Plan | undefined;
  #open: OpenClaim | undefined;
  /** Merged extents may have become worth merging again: looked into not later than then. */
  #againMs: number | undefined;
  #mayAgain = false;
  #nextPartition = 0;
  /** As of the last look, under the settings of then; undefined: to be looked for. */
  #segmentLook: { readonly dueMs: number | undefined; readonly settingsVersion: number; readonly lookedMs: number } | undefined;
  /** When partitions, by number, got their last small segment. Not in any row: after a restart one comes sooner. */
  readonly #smallSegments = new Map<number, number>();
  /** Of what a claim may hold: halved when one was not done in its time, and doubled with each that was. */
  #share = 1;
  readonly compactions: Compactions;
  /** A claim that nobody holds, as far as is known since the start, and until when somebody may. */
  #stray: { readonly cursor: number; readonly untilMs: number } | undefined;
  /** The last claim was of write-ahead objects. */
  #isAtIt = false;
  /** A leader that starts again looks before it sends for a merger: what was not worth writing anew is not worth an alarm each time. */
  #hasLooked = false;

  constructor(state: CellState, cell: number, settings: MergeSettings, readRow: (row: number) => Uint8Array) {
    this.#readRow = readRow;
    this.#state = state;
    this.#cell = cell;
    this.#settings = settings;
    this.compactions = new Compactions(state, settings["log.cleaner.backoff.ms"]);
  }

  /** A row was applied that may have made merged extents. */
  extentsMoved(): void {
    this.#mayAgain = true;
    this.#segmentLook = undefined;
  }

  /** When a merger should be sent for; undefined while there is nothing to merge. */
  dueMs(nowMs: number): number | undefined {
    if (!this.#settings["merge.enabled"]) return undefined;
    const due = earlier(this.#dueMs(nowMs), this.compactions.dueMs(nowMs));
    return due === undefined || this.#open === undefined ? due : Math.max(due, this.#open.untilMs);
  }

  #dueMs(nowMs: number): number | undefined {
    if (!this.#hasLooked && this.#state.sources.hasThinned) this.#state.sources.hasThinned = this.#planHollow() !== undefined;
    this.#hasLooked = true;
    const { walBytes, oldestWalMs } = this.#state.sources;
    if (oldestWalMs !== undefined) {
      return walBytes >= this.#settings["merge.bytes"] ? nowMs : oldestWalMs + this.#settings["merge.interval.ms"];
    }
    if (this.#mayAgain || this.#state.sources.hasThinned) {
      this.#againMs ??= nowMs + this.#settings["merge.interval.ms"];
      return this.#againMs;
    }
    return this.#segmentDueMs(nowMs);
  }

  /** When what lies in merged objects, or inline, has waited for segment.ms. What came since the last look is looked at once an hour at most. */
  #segmentDueMs(nowMs: number): number | undefined {
    const { settingsVersion, segmentHintMs } = this.#state;
    if (this.#segmentLook?.settingsVersion !== settingsVersion) this.#lookForSegment(nowMs);
    const { dueMs, lookedMs } = this.#segmentLook!;
    const hintMs = segmentHintMs >= never ? undefined : Math.max(segmentHintMs, lookedMs + smallSegmentMs);
    return earlier(dueMs, hintMs);
  }

  #lookForSegment(nowMs: number): readonly PlannedExtent[] | undefined {
    const { settingsVersion } = this.#state;
    const { extents, dueMs } = lookForSegment(
      this.#state,
      nowMs,
      ({ id }) => this.#smallSegments.get(id) ?? -Infinity,
      this.#share,
    );
    this.#segmentLook = { dueMs: extents === undefined ? dueMs : nowMs, settingsVersion, lookedMs: nowMs };
    this.#state.segmentHintMs = Infinity;
    return extents;
  }

  decide(nowMs: number): ClaimDecision {
    const answer = (reply: ClaimReply): ClaimDecision => ({ kind: "answer", reply });
    if (this.#open !== undefined && nowMs < this.#open.untilMs) return answer({ kind: "busy", untilMs: this.#open.untilMs });
    this.#ranOut();
    const plan = this.#plan(nowMs);
    if (plan === undefined) return answer({ kind: "nothing" });
    this.#planned = plan;
    const entry = timed(nowMs);
    entry.uint(entryKind.claim);
    writePlace(entry, plan.object);
    return { kind: "journal", entry };
  }

  #plan(nowMs: number): Plan | undefined {
    if (!this.#settings["merge.enabled"]) return undefined;
    const { walBytes, oldestWalMs } = this.#state.sources;
    const isDue =
      walBytes >= this.#settings["merge.bytes"] || (oldestWalMs ?? Infinity) + this.#settings["merge.interval.ms"] <= nowMs;
    // What fills a claim goes with the one that was due: each time that a merger is sent for costs an alarm and calls.
    const first = isDue || (this.#isAtIt && isWorthAClaim(this.#state)) ? planFirstMerge(this.#state, this.#share) : undefined;
    this.#isAtIt = first !== undefined;
    if (first !== undefined) return this.#merged(first);
    const compaction = this.compactions.plan(nowMs, this.#nextNumber, this.#share);
    if (compaction !== undefined) return compaction;
    const { hasThinned } = this.#state.sources;
    if (!this.#mayAgain && !hasThinned && !((this.#segmentDueMs(nowMs) ?? Infinity) <= nowMs)) return undefined;
    const segment = this.#lookForSegment(nowMs);
    if (segment !== undefined) return this.#segment(segment);
    const next = planNextMerge(this.#state, this.#nextPartition, this.#share);
    this.#nextPartition = next?.nextPartition ?? 0;
    if (next !== undefined) return this.#merged(next.extents);
    // After a merge too: some of what it copied may have gone meanwhile.
    const hollow = this.#planHollow();
    if (hollow !== undefined) return this.#merged(hollow);
    this.#state.sources.hasThinned = false;
    this.#mayAgain = false;
    this.#againMs = undefined;
    return undefined;
  }

  #planHollow(): readonly PlannedExtent[] | undefined {
    return planHollow(this.#state, this.#settings["merge.hollow.bytes"], this.#share);
  }

  get #nextNumber(): number {
    return this.#state.sequence + 1;
  }

  #merged(extents: readonly PlannedExtent[]): Plan {
    return { object: { kind: "merged", cursor: this.#nextNumber, part }, extents };
  }

  #segment(extents: readonly PlannedExtent[]): Plan {
    const { log, baseOffset } = extents[0]!;
    return { object: { kind: "segment", cursor: this.#nextNumber, ...log.ref, baseOffset }, extents };
  }

  /** The row of the claim that was decided last has been applied. */
  opened(nowMs: number): ClaimReply {
    const plan = this.#planned;
    if (plan?.object.cursor !== this.#state.sequence) throw new Error("the claim's row was not the last one");
    this.#planned = undefined;
    const passed = [...plan.extents, ...(plan.compaction?.dirty ?? [])];
    const bytes = passed.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#open = { ...plan, untilMs: nowMs + claimMs + Math.ceil(bytes / claimBytesPerMs) };
    const inputOf = this.#inputs();
    const inputs = plan.extents.map(inputOf);
    const { kind, cursor: number } = plan.object;
    const claim = { kind, number, cell: this.#cell, key: keyOf(plan.object, this.#cell), inputs };
    if (!isCompaction(plan)) return { kind: "claimed", claim };
    return { kind: "claimed", claim: { ...claim, compaction: this.compactions.opened(plan, nowMs, inputOf) } };
  }

  /** Extents of many partitions lie in one object, or in one row: its key is made, or its bytes are read, once. */
  #inputs(): (extent: PlannedExtent) => MergeInput {
    const places = new Map<number, Place>();
    const placeOf = (id: number): Place => {
      const source = this.#state.sources.get(id);
      const isCompacted = source.kind === "compacted";
      const place: Place =
        source.kind === "inline"
          ? { key: "", isCompacted, row: this.#readRow(source.row) }
          : { key: keyOf(source, this.#cell), isCompacted, row: undefined };
      places.set(id, place);
      return place;
    };
    return ({ log, baseOffset, nextOffset, byteStart, byteLength, maxTimestamp, source }) => {
      const { key, isCompacted, row } = places.get(source) ?? placeOf(source);
      const { topicId, partition } = log.ref;
      const leaderEpoch = log.epochAt(baseOffset);
      // One object each, as there are many.
      const input: MergeInput = {
        topicId,
        partition,
        baseOffset,
        nextOffset,
        leaderEpoch,
        maxTimestamp,
        byteLength,
        key,
        byteStart,
      };
      if (isCompacted) return { ...input, compacted: true };
      // A copy: offsets are written into it.
      return row === undefined ? input : { ...input, byteStart: 0, records: row.slice(byteStart, byteStart + byteLength) };
    };
  }

  /** Undefined: the claim is not open, or can be carried out no more. The entry is undefined when nothing of it is left. */
  close(
    number: number,
    compacted: Compacted | undefined,
    nowMs: number,
  ): { readonly entry: PackedWriter | undefined; readonly extents: number } | undefined {
    if (this.#open?.object.cursor !== number) return undefined;
    const plan = this.#open;
    this.#open = undefined;
    this.#share = Math.min(1, this.#share * 2);
    if (isCompaction(plan)) {
      if (compacted === undefined) throw new OperatingError("invalid", `claim ${number} is one of a compaction`);
      return this.compactions.close(plan, compacted, nowMs, (extent) => isStill(this.#state, extent));
    }
    const { log } = plan.extents[0]!;
    if (plan.object.kind === "segment" && isSmallSegment(plan.extents)) this.#smallSegments.set(log.id, nowMs);
    return mergeEntry(this.#state, plan, nowMs);
  }

  /** Whoever held it died of it, or was too slow. */
  #ranOut(): void {
    if (this.#open === undefined) return;
    this.#drop();
    this.#share = Math.max(shareMin, this.#share / 2);
  }

  #drop(): void {
    if (this.#open?.compaction !== undefined) this.compactions.dropped();
    this.#open = undefined;
  }

  /** When what the last claim was for becomes garbage, because nobody will commit it any more; undefined: it was committed. */
  strayDueMs(nowMs: number): number | undefined {
    const { claim } = this.#state;
    if (claim === undefined) return undefined;
    if (this.#open?.object.cursor === claim.cursor) return this.#open.untilMs;
    // Its holder may not know yet, and still be writing.
    const waitMs = Math.min(claimMs, this.#settings["storage.delete.grace.ms"]);
    if (this.#stray?.cursor !== claim.cursor) this.#stray = { cursor: claim.cursor, untilMs: nowMs + waitMs };
    return this.#stray.untilMs;
  }

  /** Undefined: it is not yet time. */
  abandon(nowMs: number): PackedWriter | undefined {
    if (!((this.strayDueMs(nowMs) ?? Infinity) <= nowMs)) return undefined;
    this.#ranOut();
    const out = timed(nowMs);
    out.uint(entryKind.abandonedClaim);
    return out;
  }

  release({ number, damaged, isSlow }: MergeRelease): void {
    if (this.#open?.object.cursor !== number) return;
    if (isSlow === true) this.#share = Math.max(shareMin, this.#share / 2);
    const extents = [...this.#open.extents, ...(this.#open.compaction?.dirty ?? [])];
    this.#drop();
    if (damaged.length === 0) return;
    this.#segmentLook = undefined;
    const keys = new Set(damaged);
    for (const source of new Set(extents.filter((extent) => isStill(this.#state, extent)).map((extent) => extent.source))) {
      const place = this.#state.sources.get(source);
      if (keys.has(place.kind === "inline" ? "" : keyOf(place, this.#cell))) this.#state.sources.setAside(source);
    }
  }
}

function earlier(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.min(left, right);
}

interface Place {
  readonly key: string;
  readonly isCompacted: boolean;
  readonly row: Uint8Array | undefined;
}

/** Only a drain may have moved a claimed extent, and then it has another source; where it lies with its length it is the same. */
function isStill(state: CellState, { log, baseOffset, byteStart, byteLength, source }: PlannedExtent): boolean {
  if (state.partitions.get(log.id) !== log) return false;
  const extent = log.extents.at(baseOffset, log.nextOffset);
  return extent?.source === source && extent.byteStart === byteStart && extent.byteLength === byteLength;
}

interface Joined {
  readonly partitionId: number;
  readonly baseOffset: number;
  readonly position: number;
  nextOffset: number;
  byteLength: number;
  count: number;
}

function mergeEntry(
  state: CellState,
  { object, extents }: Plan,
  nowMs: number,
): { readonly entry: PackedWriter | undefined; readonly extents: number } {
  const joined: Joined[] = [];
  let position = 0;
  for (const extent of extents) {
    const { log, baseOffset, nextOffset, byteLength } = extent;
    if (isStill(state, extent)) {
      const last = joined.at(-1);
      const isNext = last?.partitionId === log.id && last.nextOffset === baseOffset && last.position + last.byteLength === position;
      // Readers write an extent's leader epoch into all of its batches.
      const isOfEpoch = last !== undefined && log.epochAt(last.baseOffset) === log.epochAt(baseOffset);
      if (isNext && isOfEpoch && last.byteLength + byteLength <= Math.min(extentBytesMax, extentLimit(log.settings))) {
        last.nextOffset = nextOffset;
        last.byteLength += byteLength;
        last.count += 1;
      } else joined.push({ partitionId: log.id, baseOffset, position, nextOffset, byteLength, count: 1 });
    }
    position += byteLength;
  }
  if (joined.length === 0) return { entry: undefined, extents: 0 };
  const out = timed(nowMs);
  out.uint(entryKind.merge);
  writePlace(out, object);
  // What has gone since the claim lies in the object all the same.
  out.uint(position);
  out.uint(joined.length);
  let last = { partitionId: 0, baseOffset: 0, position: 0 };
  for (const run of joined) {
    out.int(run.partitionId - last.partitionId);
    out.int(run.baseOffset - last.baseOffset);
    out.uint(run.position - last.position);
    out.uint(run.count);
    last = run;
  }
  return { entry: out, extents: joined.length };
}

/** The claim's number is used: no key is ever written twice. What an earlier one may have written nobody will ever refer to. */
export function applyClaim(state: CellState, reader: PackedReader): void {
  if (state.claim !== undefined) state.garbage.add(state.claim, state.nowMs);
  state.claim = readOwnPlace(reader);
}

/** What it may have written is garbage, without another claim to say so. */
export function applyAbandonedClaim(state: CellState): void {
  if (state.claim === undefined) throw new OperatingError("corrupt", "a journal row gives up a claim that is not there");
  state.garbage.add(state.claim, state.nowMs);
  state.claim = undefined;
}

/** `released` hears of every row that nothing reads any more. */
export function applyMerge(state: CellState, reader: PackedReader, released: Released): void {
  const place = readOwnPlace(reader);
  if (place.cursor === state.claim?.cursor) state.claim = undefined;
  const byteLength = reader.uint();
  const count = reader.uint();
  const source = state.sources.add(place, count, byteLength);
  let partitionId = 0;
  let baseOffset = 0;
  let position = 0;
  const moved = (former: number): void => {
    const dead = state.release(former);
    if (dead !== undefined) released(dead);
  };
  for (let left = count; left > 0; left--) {
    partitionId += reader.int();
    baseOffset += reader.int();
    position += reader.uint();
    const extents = reader.uint();
    if (state.partitions.get(partitionId)?.extents.join(baseOffset, extents, source, position, moved) !== true) {
      throw new OperatingError("corrupt", "a journal row merges extents that are not there");
    }
  }
}
