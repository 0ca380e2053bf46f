/**
 * The journal is the state: wherever a leader dies, its rows bring it back as it was, and no row stays that nobody needs. Equal states
 * have equal snapshots, so snapshots are what is compared.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Cell, type JournalRow } from "../../../core/cell/cell.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Chain, createTime, from, short, within } from "../../contract/commits.ts";
import { Brokers, history, markersOf, topics, type HistoryStep } from "./history.ts";

const settings = { ...settingDefaults, "producer.id.expiration.ms": 1000 };

const begin: readonly HistoryStep[] = [0, 1].map((topic) => ({ kind: "create", topic }));

/** Every row ever written, whatever snapshots let go of. */
class AllRows extends MemoryRows {
  readonly all: JournalRow[] = [];

  constructor() {
    super();
    const set = this.journal.set.bind(this.journal);
    this.journal.set = (sequence, row) => {
      this.all.push(row);
      return set(sequence, row);
    };
  }
}

/** Which inline rows an extent still reads, told by what followers hear. */
class InlineModel {
  #extents: { readonly partition: string; readonly topicId: string; readonly nextOffset: number; readonly row: number }[] = [];

  follow(coordinator: MemoryCoordinator, cursor: number): void {
    const reply = coordinator.cell.updatesSince(cursor);
    for (const update of reply?.updates ?? []) {
      const partition = `${update.topicId}/${update.partition}`;
      if (update.kind === "deleted") this.#extents = this.#extents.filter((extent) => extent.topicId !== update.topicId);
      else if (update.kind !== "appended") {
        const gone = update.bounds.logStartOffset;
        this.#extents = this.#extents.filter((extent) => extent.partition !== partition || extent.nextOffset > gone);
      } else if (update.extent.source.kind === "inline") {
        const { nextOffset } = update.extent;
        this.#extents.push({ partition, topicId: update.topicId, nextOffset, row: reply!.cursor });
      }
    }
  }

  rows(): number[] {
    return [...new Set(this.#extents.map(({ row }) => row))].toSorted((left, right) => left - right);
  }
}

async function play(coordinator: MemoryCoordinator, brokers: Brokers, step: HistoryStep): Promise<void> {
  switch (step.kind) {
    case "commit":
      await coordinator.commit(brokers.request(step));
      return;
    case "markers":
      await coordinator.writeMarkers(markersOf(step));
      return;
    case "create": {
      const partitions = [0, 1].map((partition) => ({ topicId: topics[step.topic]!, partition }));
      return await coordinator.createPartitions(partitions, createTime);
    }
    case "delete":
      await coordinator.deletePartitions(topics[step.topic]!);
      return;
    case "delete-records": {
      const ref = { topicId: topics[step.topic]!, partition: step.partition };
      const { highWatermark } = coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!.bounds;
      await coordinator.deleteRecords([{ ...ref, beforeOffset: Math.floor(Math.max(0, highWatermark) * step.share) }]);
      return;
    }
    case "snapshot":
      return coordinator.takeSnapshot();
    default:
  }
}

test("[D6] [I7] at every point all rows, and the snapshot with the rows after it, bring back the state that answered", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (drawn) => {
      const steps = [...begin, ...drawn];
      let nowMs = 1000;
      const rows = new AllRows();
      const restarted = (): MemoryCoordinator => new MemoryCoordinator({ rows, settings, now: () => nowMs });
      let live = restarted();
      const replayed = new Cell({ cell: 0, settings, inlineRows: rows });
      const brokers = new Brokers();
      for (const step of steps) {
        if (step.kind === "wait") nowMs += step.ms;
        if (step.kind === "restart") live = restarted();
        const written = rows.all.length;
        await play(live, brokers, step);
        for (const row of rows.all.slice(written)) replayed.applyRow(row, false);
        const state = Buffer.concat(live.cell.snapshot());
        expect(state.equals(Buffer.concat(replayed.snapshot()))).toBe(true);
        expect(state.equals(Buffer.concat(restarted().cell.snapshot()))).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test("[D6] [I7] a snapshot that is written in steps while the cell goes on is the state it began with, and after a death between any two steps all is there", async () => {
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(history, fc.infiniteStream(fc.integer({ min: 0, max: 9 })), async (drawn, dice) => {
      let nowMs = 1000;
      const rows = new AllRows();
      const snapshotLimits = { units: 5, bytes: 40 };
      const restarted = (kept: MemoryRows): MemoryCoordinator =>
        new MemoryCoordinator({ rows: kept, settings, snapshotLimits, now: () => nowMs });
      let live = restarted(rows);
      const brokers = new Brokers();
      let began: Buffer | undefined;
      for (const step of [...begin, ...drawn]) {
        if (step.kind === "wait") nowMs += step.ms;
        if (step.kind === "restart") [live, began] = [restarted(rows), undefined];
        else if (step.kind !== "snapshot") await play(live, brokers, step);
        for (let steps = dice.next().value; began !== undefined && steps > 0; steps--) {
          const isMore = live.stepSnapshot();
          const state = Buffer.concat(live.cell.snapshot());
          expect(state.equals(Buffer.concat(restarted(copyOf(rows)).cell.snapshot()))).toBe(true);
          if (isMore) continue;
          expect(Buffer.concat(rows.snapshot!.chunks).equals(began)).toBe(true);
          whole += 1;
          began = undefined;
        }
        if (began !== undefined || dice.next().value > 6) continue;
        live.cell.beginSnapshot();
        began = Buffer.concat(live.cell.snapshot());
      }
    }),
    { numRuns: 150 },
  );
  expect(whole).toBeGreaterThan(150);
});

/** What a leader would find that died now. */
function copyOf(rows: MemoryRows): MemoryRows {
  const copy = new MemoryRows(rows.pieces);
  for (const [sequence, row] of rows.journal) copy.journal.set(sequence, row);
  return copy;
}

test("[D6] the journal holds the rows since the snapshot, and of those before it the ones whose inline records are read: no more, no less", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (drawn) => {
      const steps = [...begin, ...drawn];
      let nowMs = 1000;
      const rows = new AllRows();
      let live = new MemoryCoordinator({ rows, settings, now: () => nowMs });
      const brokers = new Brokers();
      const model = new InlineModel();
      for (const step of steps) {
        if (step.kind === "wait") nowMs += step.ms;
        if (step.kind === "restart") live = new MemoryCoordinator({ rows, settings, now: () => nowMs });
        const { cursor } = live.cell;
        await play(live, brokers, step);
        model.follow(live, cursor);
        const read = model.rows();
        const covered = rows.snapshot?.sequence ?? 0;
        const since = rows.all.map(({ sequence }) => sequence).filter((sequence) => sequence > covered);
        expect([...rows.journal.keys()]).toEqual([...read.filter((row) => row <= covered), ...since]);
        expect(live.cell.inlineBytes).toBe(read.reduce((sum, row) => sum + rows.read(row).length, 0));
      }
    }),
    { numRuns: 200 },
  );
});

/** What the version before transactions wrote: a commit inline, one as an object, with producers, a duplicate and two refusals. */
const oldRows: readonly JournalRow[] = [
  "0200022435663063396135322d366437622d346135312d396430652d306131623263336434653566002435663063396135322d366437622d346135312d396430652d30613162326333643465356601",
  "0180d095ffbc3181b899290001010085020342006403af90abfef9620e00004e6401af90abfef962003d02af90abfef962",
  "0180d095ffbc31000001026790030442026402af90abfef9620e0800026401af90abfef9620207ffffffff0752016403af90abfef96201000000206401002d",
].map((entry, index) => ({
  sequence: index + 1,
  entry: new Uint8Array(Buffer.from(entry, "hex")),
  inline: index === 1 ? new Uint8Array(261) : undefined,
}));
const oldSnapshot =
  "020380b899290200020100028502010100016602002435663063396135322d366437622d346135312d396430652d3061316232633364346535660000000680d095ffbc31010000010000850200d00f01070080d095ffbc3102000300030103012435663063396135322d366437622d346135312d396430652d3061316232633364346535660100000380d095ffbc31010000010000c80102d00f02070480d095ffbc3101000200080080d095ffbc3101ffffffff07010201000102020102030000000000060000000800000203040000000000040000010000005a010000";

test("[D6] [I7] rows and snapshots from before there were transactions are read, and what they say goes on", async () => {
  const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
  const fromRows = new MemoryRows();
  for (const row of oldRows) fromRows.journal.set(row.sequence, row);
  const fromSnapshot = new MemoryRows();
  fromSnapshot.pieces.set(0, new Uint8Array(Buffer.from(oldSnapshot, "hex")));
  fromSnapshot.journal.set(2, oldRows[1]!);
  const [left, right] = [fromRows, fromSnapshot].map(
    (rows) => new MemoryCoordinator({ rows, settings: settingDefaults, now: () => 1_700_000_000_000 }),
  );
  const refs = [0, 1].map((partition) => ({ topicId, partition }));
  const seen = ({ cell }: MemoryCoordinator) => [
    cell.findBatches(refs.map((ref) => ({ ...ref, offset: 0, maxBytes: 1e6 }))),
    cell.describePartitions(refs),
  ];
  // Everything but when objects were committed, which a snapshot did not say then.
  expect(seen(left!)).toEqual(seen(right!));
  const chain = new Chain(0, 2);
  const parts = [[{ topicId, partition: 0 }, [from(7, 3), from(7, 4), within(1, 7, 5)]]] as const;
  expect(short(right!.commitNow(chain.object(parts)))).toBe("d3 o6 o7");
  const found = right!.cell.findBatches([{ topicId, partition: 1, offset: 0, maxBytes: 1e6 }]).results[0]!;
  expect([found.bounds.lastStableOffset, found.extents.length]).toEqual([3, 1]);
});
