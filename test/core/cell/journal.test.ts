/**
 * The journal is the state: wherever a leader dies, its rows bring it back as it was, and no row stays that nobody needs. Equal states
 * have equal snapshots, so snapshots are what is compared.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Cell, type JournalRow } from "../../../core/cell/cell.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { createTime } from "../../contract/commits.ts";
import { Brokers, history, topics, type HistoryStep } from "./history.ts";

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
      else if (update.kind === "bounds") {
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
    case "create": {
      const partitions = [0, 1].map((partition) => ({ topicId: topics[step.topic]!, partition }));
      return await coordinator.createPartitions(partitions, createTime);
    }
    case "delete":
      return await coordinator.deletePartitions(topics[step.topic]!);
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
