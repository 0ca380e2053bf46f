/**
 * A part is what one commit will carry: the batches of one cell from one flush, sorted by topic and partition (D7), those of a
 * partition in order of arrival. Lanes are sorted rather than items, as there are fewer of them.
 */
import type { BatchCoordinates, CommitEntry } from "../coordinator.ts";
import type { WalPart } from "./format.ts";
import type { BufferedItem, Lane, Part, PartEntry } from "./lane.ts";

export function formPart(cell: number, items: readonly BufferedItem[]): Part {
  const lanes: Lane[] = [];
  for (const buffered of items) {
    const { lane } = buffered;
    if (lane.taking === undefined) {
      lane.taking = [buffered];
      lanes.push(lane);
    } else lane.taking.push(buffered);
  }
  if (lanes.length > 1) lanes.sort(compareLanes);
  let byteLength = 0;
  const entries = lanes.map((lane) => {
    const laneItems = lane.taking ?? [];
    lane.taking = undefined;
    let laneBytes = 0;
    for (const { item } of laneItems) laneBytes += item.records.length;
    byteLength += laneBytes;
    return { lane, items: laneItems, byteLength: laneBytes };
  });
  return { cell, entries, byteLength, blockers: 0 };
}

function compareLanes(left: Lane, right: Lane): number {
  if (left.topicId !== right.topicId) return left.topicId < right.topicId ? -1 : 1;
  return left.partition - right.partition;
}

export function batchesOf(entry: PartEntry): readonly BatchCoordinates[] {
  return entry.items.length === 1 ? entry.items[0]!.item.batches : entry.items.flatMap(({ item }) => item.batches);
}

/** The part's records one after the other: what an inline commit carries. Always a copy: it outlives the frames it came in. */
export function inlineRecords(part: Part): Uint8Array {
  const records = new Uint8Array(part.byteLength);
  let position = 0;
  for (const { items } of part.entries) {
    for (const { item } of items) {
      records.set(item.records, position);
      position += item.records.length;
    }
  }
  return records;
}

/** `byteStart`: where the part begins in its source; entries lie one behind the other. */
export function commitEntries(part: Part, byteStart: number): CommitEntry[] {
  let position = byteStart;
  return part.entries.map((entry) => {
    const { topicId, partition } = entry.lane;
    const commitEntry = { topicId, partition, byteStart: position, batches: batchesOf(entry) };
    position += entry.byteLength;
    return commitEntry;
  });
}

/** As the encoder of objects wants it: every partition once, in order. */
export function walParts(part: Part): WalPart[] {
  return part.entries.map(({ lane, items }) => {
    let batchCount = 0;
    let maxTimestamp = -1;
    for (const { item } of items) {
      batchCount += item.batches.length;
      for (const batch of item.batches) if (batch.maxTimestamp > maxTimestamp) maxTimestamp = batch.maxTimestamp;
    }
    const records = items.map(({ item }) => item.records);
    return { cell: part.cell, topicId: lane.topicId, partition: lane.partition, records, batchCount, maxTimestamp };
  });
}
