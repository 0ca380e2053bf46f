/** Which records go by age and size, when a leader looks, and how much it does at a time. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import { extentsPerStep } from "../../../core/cell/retention.ts";
import type { PartitionSettings } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Chain, createTime, plain } from "../../contract/commits.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const intervalMs = settingDefaults["log.retention.check.interval.ms"];
const ref = { topicId, partition: 0 };

class Subject {
  now = 1_000_000;
  readonly coordinator = new MemoryCoordinator({ now: () => this.now });
  readonly chain = new Chain();

  async settings(settings: Partial<PartitionSettings>, partitions = 1): Promise<this> {
    const refs = Array.from({ length: partitions }, (_, partition) => ({ topicId, partition }));
    await this.coordinator.createPartitions(refs, { ...createTime, ...settings });
    return this;
  }

  /** An extent each, of 100 bytes and one record. */
  write(...maxTimestamps: number[]): void {
    for (const maxTimestamp of maxTimestamps) this.coordinator.commitNow(this.chain.object([[ref, [plain(1, { maxTimestamp })]]]));
  }

  get dueMs(): number | undefined {
    return this.coordinator.cell.retentionDueMs(this.now);
  }

  get logStart(): number {
    return this.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!.bounds.logStartOffset;
  }

  /** Whatever is due now, in as many steps as it takes. */
  retain(): number {
    this.coordinator.retainNow();
    return this.logStart;
  }
}

describe("which extents go", () => {
  test.each<[string, Partial<PartitionSettings>, number[], number]>([
    ["older than the limit", { retentionMs: 1000 }, [998_000, 998_999, 999_500, 1_000_000], 2],
    ["exactly as old stays", { retentionMs: 1000 }, [999_000], 0],
    ["all, the newest too, as Kafka rolls a segment that is too old", { retentionMs: 1000 }, [1, 2, 3], 3],
    ["an older one behind a younger one waits for it", { retentionMs: 1000 }, [999_500, 1, 2], 0],
    ["without a time goes with a later one that has one", { retentionMs: 1000 }, [-1, -1, 5, -1, 1_000_000], 3],
    ["without any time none goes", { retentionMs: 1000 }, [-1, -1], 0],
    ["no limit of time", { retentionMs: -1 }, [1, 2, 3], 0],
    ["so that at least the limit stays", { retentionBytes: 250 }, [1, 2, 3, 4, 5], 2],
    ["exactly the limit stays", { retentionBytes: 200 }, [1, 2, 3, 4, 5], 3],
    ["a limit of no bytes lets all go", { retentionBytes: 0 }, [1, 2], 2],
    ["both limits", { retentionBytes: 300, retentionMs: 1000 }, [999_999, 1, 2, 1_000_000, 1_000_000], 3],
    ["compacted and deleted", { retentionMs: 1000, cleanupPolicy: "compact,delete" }, [1], 1],
    ["only compacted: nothing goes by age", { retentionMs: 1000, cleanupPolicy: "compact" }, [1], 0],
    ["no policy: nothing goes", { retentionMs: 1000, cleanupPolicy: "none" }, [1], 0],
  ])("%s", async (_what, settings, times, expected) => {
    const subject = await new Subject().settings(settings);
    subject.write(...times);
    expect(subject.retain()).toBe(expected);
  });

  test("[I2] [I7] starts only move forward, readers below them are told, and a restart ends in the same state", async () => {
    const subject = await new Subject().settings({ retentionMs: 1000 });
    subject.write(998_000, 999_999);
    const { cursor } = subject.coordinator.cell;
    expect(subject.retain()).toBe(1);
    const { updates } = await subject.coordinator.follow(cursor, 0);
    expect(updates).toMatchObject([{ kind: "bounds", bounds: { logStartOffset: 1, highWatermark: 2 } }]);
    expect(subject.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!.errorCode).toBe(1);
    const again = new MemoryCoordinator({ rows: subject.coordinator.rows, now: () => subject.now });
    expect(again.cell.snapshot()).toEqual(subject.coordinator.cell.snapshot());
    const restored = new MemoryCoordinator({ rows: (subject.coordinator.takeSnapshot(), subject.coordinator.rows) });
    expect(restored.cell.snapshot()).toEqual(subject.coordinator.cell.snapshot());
  });

  test("what is kept is the model's: the longest run from the end that no rule lets go", async () => {
    const extents = fc.array(fc.record({ time: fc.integer({ min: -1, max: 2000 }), size: fc.integer({ min: 70, max: 200 }) }));
    const limit = fc.option(fc.integer({ min: 0, max: 1500 }), { nil: -1 });
    await fc.assert(
      fc.asyncProperty(extents, limit, limit, async (all, retentionMs, retentionBytes) => {
        const subject = await new Subject().settings({ retentionMs, retentionBytes });
        subject.now = 2000;
        for (const { time, size } of all) {
          subject.coordinator.commitNow(subject.chain.object([[ref, [plain(1, { maxTimestamp: time, size })]]]));
        }
        let gone = 0;
        for (;;) {
          // The shortest run from the start that may go as a whole, judged as Kafka judges segments one after the other.
          const left = all.slice(gone);
          const bytes = left.reduce((sum, { size }) => sum + size, 0);
          const dated = left.findIndex(({ time }) => time >= 0);
          if (left.length > 0 && retentionBytes >= 0 && bytes - left[0]!.size >= retentionBytes) gone += 1;
          else if (dated >= 0 && retentionMs >= 0 && 2000 - left[dated]!.time > retentionMs) gone += dated + 1;
          else break;
        }
        expect(subject.retain()).toBe(gone);
      }),
      { numRuns: 300 },
    );
  });
});

describe("when a leader looks", () => {
  test("[D3] never while nothing can fall due", async () => {
    expect(new Subject().dueMs).toBeUndefined();
    expect((await new Subject().settings({ retentionMs: 1000 })).dueMs).toBeUndefined();
    const unlimited = await new Subject().settings({});
    unlimited.write(1, 2);
    expect(unlimited.dueMs).toBeUndefined();
  });

  test("when the oldest extent falls due; a cell that is written to, not more often than the interval", async () => {
    const subject = await new Subject().settings({ retentionMs: 1000 });
    subject.write(subject.now);
    expect(subject.dueMs).toBe(subject.now + 1001);
    subject.write(subject.now);
    expect(subject.dueMs).toBe(subject.now + intervalMs);
    subject.now += intervalMs;
    expect(subject.dueMs).toBeLessThanOrEqual(subject.now);
    subject.retain();
    expect(subject.dueMs).toBeUndefined();
    subject.now += intervalMs;
    expect(subject.dueMs).toBeUndefined();
  });

  test("[I2] a step's work is bounded, the partitions take turns, and all of it is done in the end", async () => {
    const subject = await new Subject().settings({ retentionMs: 1000 }, 3);
    const perPartition = extentsPerStep / 2 + 10;
    for (let commit = 0; commit < perPartition; commit++) {
      const batch = plain(1, { maxTimestamp: commit });
      subject.coordinator.commitNow(subject.chain.object([0, 1, 2].map((partition) => [{ topicId, partition }, [batch]] as const)));
    }
    const { cell } = subject.coordinator;
    let steps = 0;
    let left = cell.extentCount;
    while ((subject.dueMs ?? Infinity) <= subject.now) {
      subject.coordinator.retainNow();
      expect(left - cell.extentCount).toBeLessThanOrEqual(extentsPerStep);
      left = cell.extentCount;
      steps += 1;
    }
    expect(steps).toBe(2);
    expect(left).toBe(0);
  });
});
