/**
 * Answers to followers as they cross the RPC between leader and broker: one row of numbers an update, object keys and topics once each,
 * inline records behind one another. A commit to a thousand partitions is a thousand updates for every broker that follows.
 */
import type { AbortedTransaction, Extent, FollowReply, FollowUpdate, PartitionBounds } from "../core/coordinator.ts";

export interface PackedFollow {
  readonly cursor: number;
  readonly gap: boolean;
  readonly topicIds: readonly string[];
  readonly keys: readonly string[];
  readonly rows: Float64Array;
  readonly inline: Uint8Array;
}

const kind = { deleted: 0, bounds: 1, object: 2, inline: 3, compacted: 4 } as const;
const column = {
  kind: 0,
  topic: 1,
  partition: 2,
  logStartOffset: 3,
  highWatermark: 4,
  lastStableOffset: 5,
  leaderEpoch: 6,
  baseOffset: 7,
  nextOffset: 8,
  byteLength: 9,
  maxTimestamp: 10,
  extentLeaderEpoch: 11,
  /** Where the bytes begin in the object; inline records follow each other without gaps. */
  byteStart: 12,
  key: 13,
  /** What a marker aborted: the producer id plus one (0: nothing) and the first offset. Its last offset is the extent's base offset. */
  aborted: 14,
  abortedFirst: 15,
} as const;
const columns = 16;

/** Strings by the order in which they first come. */
class Names {
  readonly list: string[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(name: string): number {
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = this.list.push(name) - 1;
      this.#indexes.set(name, index);
    }
    return index;
  }
}

export function packFollow({ cursor, gap, updates }: FollowReply): PackedFollow {
  const topicIds = new Names();
  const keys = new Names();
  const inline: Uint8Array[] = [];
  const rows = new Float64Array(updates.length * columns);
  let at = 0;
  for (const update of updates) {
    rows[at + column.topic] = topicIds.indexOf(update.topicId);
    rows[at + column.partition] = update.partition;
    rows[at] = kind.deleted;
    if (update.kind !== "deleted") {
      rows[at] = update.kind === "compacted" ? kind.compacted : kind.bounds;
      packBounds(rows, at, update.bounds);
    }
    if (update.kind === "appended") {
      packExtent(rows, at, update.extent);
      const { source } = update.extent;
      if (source.kind === "inline") inline.push(source.records);
      else rows[at + column.key] = keys.indexOf(source.key);
      if (update.aborted !== undefined) packAborted(rows, at, update.aborted);
    }
    at += columns;
  }
  return { cursor, gap, topicIds: topicIds.list, keys: keys.list, rows, inline: joined(inline) };
}

function packBounds(rows: Float64Array, at: number, bounds: PartitionBounds): void {
  rows[at + column.logStartOffset] = bounds.logStartOffset;
  rows[at + column.highWatermark] = bounds.highWatermark;
  rows[at + column.lastStableOffset] = bounds.lastStableOffset;
  rows[at + column.leaderEpoch] = bounds.leaderEpoch;
}

function packExtent(rows: Float64Array, at: number, extent: Extent): void {
  rows[at] = kind[extent.source.kind];
  rows[at + column.baseOffset] = extent.baseOffset;
  rows[at + column.nextOffset] = extent.nextOffset;
  rows[at + column.byteLength] = extent.byteLength;
  rows[at + column.maxTimestamp] = extent.maxTimestamp;
  rows[at + column.extentLeaderEpoch] = extent.leaderEpoch;
  if (extent.source.kind === "object") rows[at + column.byteStart] = extent.source.byteStart;
}

function packAborted(rows: Float64Array, at: number, { producerId, firstOffset }: AbortedTransaction): void {
  rows[at + column.aborted] = producerId + 1;
  rows[at + column.abortedFirst] = firstOffset;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}

export function unpackFollow({ cursor, gap, topicIds, keys, rows, inline }: PackedFollow): FollowReply {
  const updates: FollowUpdate[] = [];
  let inlineAt = 0;
  for (let at = 0; at < rows.length; at += columns) {
    const ref = { topicId: topicIds[rows[at + column.topic]!]!, partition: rows[at + column.partition]! };
    const what = rows[at]!;
    if (what === kind.deleted) updates.push({ kind: "deleted", ...ref });
    else if (what === kind.bounds) updates.push({ kind: "bounds", ...ref, bounds: boundsAt(rows, at) });
    else if (what === kind.compacted) updates.push({ kind: "compacted", ...ref, bounds: boundsAt(rows, at) });
    else {
      const byteLength = rows[at + column.byteLength]!;
      // Copies of their own: who keeps one extent's records must not hold all of them in memory.
      const source: Extent["source"] =
        what === kind.inline
          ? { kind: "inline", records: inline.slice(inlineAt, inlineAt + byteLength) }
          : { kind: "object", key: keys[rows[at + column.key]!]!, byteStart: rows[at + column.byteStart]! };
      if (what === kind.inline) inlineAt += byteLength;
      const extent = extentAt(rows, at, source);
      const aborted = abortedAt(rows, at, extent);
      updates.push({ kind: "appended", ...ref, extent, bounds: boundsAt(rows, at), ...(aborted && { aborted }) });
    }
  }
  return { cursor, gap, updates };
}

function boundsAt(rows: Float64Array, at: number): PartitionBounds {
  return {
    logStartOffset: rows[at + column.logStartOffset]!,
    highWatermark: rows[at + column.highWatermark]!,
    lastStableOffset: rows[at + column.lastStableOffset]!,
    leaderEpoch: rows[at + column.leaderEpoch]!,
  };
}

function abortedAt(rows: Float64Array, at: number, { baseOffset }: Extent): AbortedTransaction | undefined {
  const producer = rows[at + column.aborted]!;
  if (producer === 0) return undefined;
  return { producerId: producer - 1, firstOffset: rows[at + column.abortedFirst]!, lastOffset: baseOffset };
}

function extentAt(rows: Float64Array, at: number, source: Extent["source"]): Extent {
  return {
    baseOffset: rows[at + column.baseOffset]!,
    nextOffset: rows[at + column.nextOffset]!,
    byteLength: rows[at + column.byteLength]!,
    maxTimestamp: rows[at + column.maxTimestamp]!,
    leaderEpoch: rows[at + column.extentLeaderEpoch]!,
    source,
  };
}
