/**
 * What happens to partitions as such: they come, get settings, lose their oldest records, go. Each change is spelt as a journal entry
 * by one function and carried out by another, live and at every replay alike (D6).
 */
import type { FollowUpdate, PartitionRef, PartitionSettings, TopicId } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { CellState } from "./cell-state.ts";
import { entryKind } from "./entry-kind.ts";
import { PackedWriter, type PackedReader } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import {
  leaderSettings,
  readSettings,
  sameSettings,
  settingsUntold,
  writeSettings,
  type LeaderSettings,
} from "./partition-settings.ts";
import type { InlineSource } from "./sources.ts";

/** Hears of every row that nothing reads any more. */
export type Released = (source: InlineSource) => void;

/** Undefined when all are there with these settings; partitions that exist already take the settings over. */
export function partitionsEntry(
  state: CellState,
  partitions: readonly PartitionRef[],
  told: PartitionSettings,
): PackedWriter | undefined {
  const settings = leaderSettings(told);
  const news = partitions.filter((ref) => {
    const log = state.find(ref);
    return log === undefined || !sameSettings(log.settings, settings);
  });
  if (news.length === 0) return undefined;
  const out = new PackedWriter();
  out.uint(entryKind.partitions);
  writeSettings(out, settings);
  out.uint(news.length);
  for (const ref of news) {
    out.string(ref.topicId);
    out.uint(ref.partition);
  }
  return out;
}

export function applyPartitions(state: CellState, reader: PackedReader): FollowUpdate[] {
  return applyEach(state, reader, readSettings(reader));
}

/** As it was before leaders heard of more than the kind of timestamps. */
export function applyCreate(state: CellState, reader: PackedReader): FollowUpdate[] {
  return applyEach(state, reader, { ...settingsUntold, timestampType: reader.uint() === 1 ? "LogAppendTime" : "CreateTime" });
}

function applyEach(state: CellState, reader: PackedReader, settings: LeaderSettings): FollowUpdate[] {
  const updates: FollowUpdate[] = [];
  for (let left = reader.uint(); left > 0; left--) {
    const ref = { topicId: reader.string(), partition: reader.uint() };
    const log = state.find(ref) ?? state.addPartition(state.nextPartitionId, ref);
    log.settings = settings;
    state.settingsVersion += 1;
    updates.push({ kind: "bounds", ...ref, bounds: log.bounds });
  }
  return updates;
}

export function deleteTopicEntry(state: CellState, topicId: TopicId, nowMs: number): PackedWriter | undefined {
  if (state.ofTopic(topicId).length === 0) return undefined;
  const out = timed(nowMs);
  out.uint(entryKind.deleteTopic);
  out.string(topicId);
  return out;
}

export function applyDeleteTopic(state: CellState, topicId: TopicId, released: Released): FollowUpdate[] {
  const logs = state.ofTopic(topicId);
  for (const log of logs) dropExtents(state, log, Infinity, released);
  state.removeTopic(topicId);
  return logs.map((log) => ({ kind: "deleted", ...log.ref }));
}

/** One entry for all that may move, and every partition's answer as it will be. */
export function decideDeleteRecords(
  state: CellState,
  requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
  nowMs: number,
): {
  readonly entry: PackedWriter | undefined;
  readonly answers: readonly { readonly errorCode: number; readonly logStartOffset: number }[];
} {
  /** New starts; a request may name a partition twice, and a start never goes back [I2]. */
  const starts = new Map<PartitionLog, number>();
  const answers = requests.map((request) => {
    const log = state.find(request);
    if (log === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, logStartOffset: -1 };
    // -1 asks for everything up to the high watermark.
    const offset = request.beforeOffset === -1 ? log.nextOffset : request.beforeOffset;
    if (!(offset >= 0 && offset <= log.nextOffset)) return { errorCode: errorCodes.OFFSET_OUT_OF_RANGE, logStartOffset: -1 };
    const logStartOffset = Math.max(offset, starts.get(log) ?? log.logStartOffset);
    if (logStartOffset > log.logStartOffset) starts.set(log, logStartOffset);
    return { errorCode: 0, logStartOffset };
  });
  return { entry: startsEntry(starts, nowMs), answers };
}

/** Moves the starts of logs; undefined when there is none to move. */
export function startsEntry(starts: ReadonlyMap<PartitionLog, number>, nowMs: number): PackedWriter | undefined {
  if (starts.size === 0) return undefined;
  const out = timed(nowMs);
  out.uint(entryKind.deleteRecords);
  out.uint(starts.size);
  for (const [log, offset] of starts) {
    out.uint(log.id);
    out.uint(offset);
  }
  return out;
}

export function applyStarts(state: CellState, reader: PackedReader, released: Released): FollowUpdate[] {
  const updates: FollowUpdate[] = [];
  for (let left = reader.uint(); left > 0; left--) {
    const log = state.partitions.get(reader.uint());
    const offset = reader.uint();
    if (log === undefined) throw new OperatingError("corrupt", "a journal row moves the start of a partition that is not there");
    log.logStartOffset = offset;
    log.aborted.dropBefore(offset);
    dropExtents(state, log, offset, released);
    updates.push({ kind: "bounds", ...log.ref, bounds: log.bounds });
  }
  return updates;
}

function dropExtents(state: CellState, log: PartitionLog, before: number, released: Released): void {
  log.extents.dropBefore(before, log.nextOffset, (extent) => {
    const dead = state.release(extent.source);
    if (dead !== undefined) released(dead);
  });
}

/** The beginning of an entry that lets objects go: they are garbage from that time on. */
export function timed(nowMs: number): PackedWriter {
  const out = new PackedWriter();
  out.uint(entryKind.at);
  out.uint(nowMs);
  return out;
}
