/**
 * A cell under steady load for minutes of virtual time: the leader's own core plans merges, lets objects go and asks for its alarm, and what
 * that takes of the platform is counted. What is written is taken as done at once; so nothing is left out but retries.
 */
import type { JournalRow } from "../core/cell/cell.ts";
import { MemoryCoordinator, MemoryRows } from "../core/cell/memory-coordinator.ts";
import { windowsOf } from "../core/merge/windows.ts";
import { settingDefaults, type Settings } from "../core/settings.ts";
import { AlarmClock } from "../durable-objects/alarm-clock.ts";
import { Log } from "../durable-objects/log.ts";
import { Chain, createTime, plain } from "../test/contract/commits.ts";

export interface CellLoad {
  readonly partitions: number;
  readonly commitsPerSecond: number;
  /** With a batch in each commit; they take turns. */
  readonly partitionsPerCommit: number;
  readonly batchBytes: number;
  readonly minutes: number;
  readonly settings?: Partial<Settings>;
}

export interface CellLife {
  readonly commits: number;
  readonly producedBytes: number;
  /** By mergers. */
  readonly writtenBytes: number;
  readonly merges: number;
  readonly puts: number;
  readonly gets: number;
  /** Beside those of commits. */
  readonly rows: number;
  readonly alarms: number;
  /** Of leader and merger to each other. */
  readonly requests: number;
  /** The controller was told that write-ahead objects were let go. */
  readonly told: number;
  readonly extents: number;
  /** What a leader that starts now reads: the last snapshot, and the rows since. */
  readonly restingBytes: number;
  readonly journalBytes: number;
  readonly snapshotBytes: number;
  /** Pieces of snapshots. */
  readonly snapshotRows: number;
  /** Of the leader's thread, for each claim: time that it works, whatever else the machine does. */
  readonly claimMs: readonly number[];
}

class CountedJournal extends Map<number, JournalRow> {
  bytes = 0;

  override set(sequence: number, row: JournalRow): this {
    this.bytes += row.entry.byteLength;
    return super.set(sequence, row);
  }
}

class CountedRows extends MemoryRows {
  override readonly journal = new CountedJournal();
}

const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";
const claimsMax = 16;

export async function liveThrough(load: CellLoad): Promise<CellLife> {
  const settings = { ...settingDefaults, ...load.settings };
  const refs = Array.from({ length: load.partitions }, (_, partition) => ({ topicId, partition }));
  const startMs = 1_700_000_000_000;
  let nowMs = startMs;
  const rows = new CountedRows();
  const coordinator = new MemoryCoordinator({ now: () => nowMs, settings, rows });
  const { cell } = coordinator;
  await coordinator.createPartitions(refs, createTime);
  const counts = {
    merges: 0,
    puts: 0,
    gets: 0,
    alarms: 0,
    requests: 0,
    told: 0,
    writtenBytes: 0,
    snapshotBytes: 0,
    snapshotRows: 0,
  };
  let snapshotAt: number | undefined;
  const look = (): void => {
    if (rows.snapshot === undefined || rows.snapshot.sequence === snapshotAt) return;
    snapshotAt = rows.snapshot.sequence;
    counts.snapshotBytes += rows.snapshot.chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    counts.snapshotRows += rows.snapshot.chunks.length;
  };
  const claimMs: number[] = [];
  let commits = 0;
  let producedBytes = 0;
  let armedMs: number | null = null;
  const clock = new AlarmClock({
    storage: {
      getAlarm: async () => armedMs,
      setAlarm: async (atMs) => void (armedMs = atMs),
      deleteAlarm: async () => void (armedMs = null),
    },
    log: new Log("error", {}),
    now: () => nowMs,
    onSet: () => (counts.alarms += 1),
  });
  const merge = (): void => {
    counts.requests += 1;
    for (let claims = 0; claims < claimsMax; claims++) {
      counts.requests += 1;
      const begun = process.threadCpuUsage();
      const claimed = coordinator.claimMergeNow();
      const { user, system } = process.threadCpuUsage(begun);
      claimMs.push((user + system) / 1000);
      if (claimed.kind !== "claimed") return;
      const { inputs, number, kind } = claimed.claim;
      counts.merges += 1;
      counts.requests += 1;
      // A segment has two indexes beside it.
      counts.puts += kind === "segment" ? 3 : 1;
      for (const { reads } of windowsOf(inputs)) counts.gets += reads.length;
      for (const { byteLength } of inputs) counts.writtenBytes += byteLength;
      if (coordinator.commitMergeNow(number).kind !== "committed") throw new Error("a merge was lost");
    }
  };
  clock.add({ name: "merge", dueMs: (now) => cell.mergeDueMs(now), run: merge });
  clock.add({
    name: "garbage",
    dueMs: () => cell.collection.dueMs,
    run: (now) => {
      const { count } = cell.collection.due(now);
      if (count > 0) coordinator.collected(count);
    },
  });
  clock.add({
    name: "released",
    dueMs: () => cell.collection.releaseDueMs,
    run: () => {
      counts.told += 1;
      coordinator.releaseTold(cell.collection.releases);
    },
  });
  clock.add({
    name: "retention",
    dueMs: (now) => cell.retentionDueMs(now),
    run: () => coordinator.retainNow(),
  });
  const firstCursor = cell.cursor;
  const chain = new Chain(3, 17);
  const total = Math.round(load.minutes * 60 * load.commitsPerSecond);
  let turn = 0;
  for (; commits < total; commits++) {
    nowMs = startMs + ((commits + 1) * 1000) / load.commitsPerSecond;
    const parts = Array.from({ length: load.partitionsPerCommit }, () => refs[turn++ % refs.length]!)
      .sort((left, right) => left.partition - right.partition)
      .map((ref) => [ref, [plain(1, { size: load.batchBytes, maxTimestamp: nowMs })]] as const);
    if (coordinator.commitNow(chain.object(parts)).kind !== "committed") throw new Error("a commit was refused");
    producedBytes += load.partitionsPerCommit * load.batchBytes;
    look();
    clock.arm();
    // The clock asks its storage once, at the start.
    if (armedMs === null) await Promise.resolve();
    while (armedMs !== null && armedMs <= nowMs) {
      armedMs = null;
      counts.requests += 1;
      await clock.ring();
      look();
    }
  }
  const chunks = rows.snapshot?.chunks ?? [];
  const sinceSnapshot = [...rows.journal.values()].reduce((sum, { entry }) => sum + entry.byteLength, 0);
  return {
    ...counts,
    restingBytes: sinceSnapshot + chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
    journalBytes: rows.journal.bytes,
    commits,
    producedBytes,
    rows: cell.cursor - firstCursor - commits,
    extents: cell.extentCount,
    claimMs,
  };
}
