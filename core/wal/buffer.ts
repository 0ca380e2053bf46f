/**
 * What has arrived and is in no object or commit yet, per cell, in order of arrival. A lane is one partition's place in that
 * order: while an upload that holds its records has not been committed, later records of the lane may not take the inline way,
 * and that is all that order asks (D4). So the buffer counts free bytes apart from those behind an upload.
 */
import type { AppendItem } from "../broker/interface.ts";
import type { BufferedItem, Lane, Part, PendingAppend } from "./lane.ts";

/** Idle lanes are kept, because partitions come back; beyond this many they are forgotten together. */
const idleLanesMax = 8192;
/** Of one cell in one flush: what a leader's journal row has room for, whatever is in the batches. */
export const batchesFlushedMax = 40_000;

export class CellBuffer {
  #items: BufferedItem[] = [];
  readonly #lanes = new Map<string, Map<number, Lane>>();
  #laneCount = 0;
  #batchCount = 0;
  /** Everything buffered for the cell. */
  byteLength = 0;
  /** What is buffered for lanes that wait for no upload. */
  freeBytes = 0;

  add(append: PendingAppend, index: number, item: AppendItem): void {
    const lane = this.#lane(item.topicId, item.partition);
    const byteLength = item.records.length;
    this.#items.push({ append, index, item, lane });
    this.#batchCount += item.batches.length;
    lane.bufferedBytes += byteLength;
    this.byteLength += byteLength;
    if (lane.unsent.length === 0) this.freeBytes += byteLength;
  }

  /** All that waits for no upload. */
  takeFree(): BufferedItem[] {
    const mixed = this.freeBytes !== this.byteLength;
    const taken = mixed ? this.#items.filter((buffered) => buffered.lane.unsent.length === 0) : this.#items;
    this.#items = mixed ? this.#items.filter((buffered) => buffered.lane.unsent.length > 0) : [];
    this.#forget(taken);
    return taken;
  }

  /** The oldest up to `byteLengthMax`, at least one. */
  takeOldest(byteLengthMax: number): BufferedItem[] {
    let taken = this.#items;
    if (this.byteLength <= byteLengthMax && this.#batchCount <= batchesFlushedMax) this.#items = [];
    else {
      let count = 0;
      let batches = 0;
      for (let bytes = 0; count < this.#items.length; count += 1) {
        const { item } = this.#items[count]!;
        bytes += item.records.length;
        batches += item.batches.length;
        if ((bytes > byteLengthMax || batches > batchesFlushedMax) && count > 0) break;
      }
      taken = this.#items.splice(0, count);
    }
    this.#forget(taken);
    return taken;
  }

  #forget(taken: readonly BufferedItem[]): void {
    for (const { lane, item } of taken) {
      const byteLength = item.records.length;
      lane.bufferedBytes -= byteLength;
      this.byteLength -= byteLength;
      this.#batchCount -= item.batches.length;
      if (lane.unsent.length === 0) this.freeBytes -= byteLength;
    }
  }

  /** An upload now holds records of these lanes: what comes after them waits for it. */
  holdBehind(part: Part): void {
    part.blockers = 0;
    for (const { lane } of part.entries) {
      if (lane.unsent.length > 0) part.blockers += 1;
      else this.freeBytes -= lane.bufferedBytes;
      lane.unsent.push(part);
    }
  }

  /** The part's commit has been sent, or never will be. Answers the parts that waited for nothing else. */
  letGo(part: Part): Part[] {
    const unblocked: Part[] = [];
    for (const { lane } of part.entries) {
      const wasFirst = lane.unsent[0] === part;
      lane.unsent.splice(lane.unsent.indexOf(part), 1);
      const next = lane.unsent[0];
      if (next === undefined) this.freeBytes += lane.bufferedBytes;
      else if (wasFirst) {
        next.blockers -= 1;
        if (next.blockers === 0) unblocked.push(next);
      }
    }
    return unblocked;
  }

  /** Everything, when the epoch is over: no lane waits for anything afterwards. */
  clear(): BufferedItem[] {
    const items = this.#items;
    this.#items = [];
    this.#lanes.clear();
    this.#laneCount = 0;
    this.#batchCount = 0;
    this.byteLength = 0;
    this.freeBytes = 0;
    return items;
  }

  #lane(topicId: string, partition: number): Lane {
    let lanes = this.#lanes.get(topicId);
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(topicId, lanes);
    }
    let lane = lanes.get(partition);
    if (lane === undefined) {
      if (this.#laneCount >= idleLanesMax) this.#forgetIdleLanes();
      lane = { topicId, partition, unsent: [], bufferedBytes: 0, taking: undefined };
      lanes.set(partition, lane);
      if (!this.#lanes.has(topicId)) this.#lanes.set(topicId, lanes);
      this.#laneCount += 1;
    }
    return lane;
  }

  #forgetIdleLanes(): void {
    for (const [topicId, lanes] of this.#lanes) {
      for (const [partition, lane] of lanes) {
        if (lane.bufferedBytes > 0 || lane.unsent.length > 0) continue;
        lanes.delete(partition);
        this.#laneCount -= 1;
      }
      if (lanes.size === 0) this.#lanes.delete(topicId);
    }
  }
}
