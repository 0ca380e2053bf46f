/** Inline records that become an object of their cell: what is taken, what is compared before it moves, and that nothing a reader sees changes. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DrainPace, mergedObject, type DrainPlan } from "../../../core/cell/drain.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import type { PartitionRef } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { checkBody, batchesOf } from "../../../core/wal/body.ts";
import { decodeFooterOf } from "../../../core/wal/format.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { crc32c } from "../../../kernel/twins/crc32c.ts";
import { Chain, createTime, plain } from "../../contract/commits.ts";
import { concat, encodeBatch } from "../../kernel/batch-builder.ts";

const topics = ["00000000-0000-4000-8000-00000000000b", "00000000-0000-4000-8000-00000000000a"];
const at = (partition: number, topic = 0): PartitionRef => ({ topicId: topics[topic]!, partition });
const settings = { ...settingDefaults, "inline.drain.bytes": 0, "inline.bytes.max": 2 ** 30 };

/** A cell over rows and a store, whose records say where they were produced. */
class Subject {
  readonly rows = new MemoryRows();
  readonly objects = new Map<string, Uint8Array>();
  readonly chain = new Chain();
  coordinator = new MemoryCoordinator({ cell: 3, rows: this.rows, settings });
  #produced = 0;

  async create(): Promise<this> {
    await this.coordinator.createPartitions([at(1), at(0), at(0, 1), at(1, 1)], createTime);
    return this;
  }

  async produce(refs: readonly PartitionRef[], way: "inline" | "object" = "inline"): Promise<void> {
    const batches = refs.map(() => {
      this.#produced += 1;
      const value = new TextEncoder().encode(`${this.#produced}`.repeat(1 + (this.#produced % 3)));
      return encodeBatch({ records: Array.from({ length: 1 + (this.#produced % 2) }, () => ({ value })) });
    });
    const parts = refs.map((ref, index) => {
      const [{ size, offsetCount, maxTimestamp }] = kernel.batches(batches[index]!) as [ReturnType<typeof kernel.batches>[0]];
      return [ref, [plain(offsetCount, { size, maxTimestamp })]] as const;
    });
    const records = concat(batches);
    const request = way === "inline" ? this.chain.inline(parts) : this.chain.object(parts);
    const source = request.source.kind === "inline" ? { kind: "inline" as const, records } : request.source;
    if (source.kind === "object") this.objects.set(`wal/0/1/${source.sequence}`, records);
    expect((await this.coordinator.commit({ ...request, source })).kind).toBe("committed");
  }

  plan(): DrainPlan {
    const plan = this.coordinator.cell.planDrain()!;
    const object = mergedObject(plan, (row) => this.rows.read(row), kernel);
    const known = this.objects.get(plan.key);
    if (known !== undefined) expect(Buffer.compare(known, object)).toBe(0);
    this.objects.set(plan.key, object);
    return plan;
  }

  restart(): void {
    this.coordinator = new MemoryCoordinator({ cell: 3, rows: this.rows, settings });
  }

  /** Every partition's bytes with final offsets, as a broker makes them. */
  read(): Record<string, unknown> {
    const refs = [at(0), at(1), at(0, 1), at(1, 1)];
    const { results } = this.coordinator.cell.findBatches(refs.map((ref) => ({ ...ref, offset: 0, maxBytes: 1e9 })));
    const from = refs.map((ref, index) => ({ ...ref, offset: Math.max(0, results[index]!.bounds.logStartOffset), maxBytes: 1e9 }));
    return Object.fromEntries(
      this.coordinator.cell.findBatches(from).results.map(({ topicId, partition, bounds, extents }) => {
        const pieces = extents.map(({ source, byteLength, baseOffset, nextOffset, leaderEpoch }) => {
          const bytes =
            source.kind === "inline"
              ? source.records
              : this.objects.get(source.key)!.slice(source.byteStart, source.byteStart + byteLength);
          expect(bytes).toHaveLength(byteLength);
          if (source.kind === "object" && source.key.startsWith("merged/")) {
            expect(kernel.batches(bytes)[0]).toMatchObject({ baseOffset, leaderEpoch });
          }
          expect(kernel.assignOffsets(bytes, baseOffset, leaderEpoch)).toBe(nextOffset);
          return bytes;
        });
        return [`${topicId}/${partition}`, { bounds, bytes: Buffer.concat(pieces).toString("base64") }];
      }),
    );
  }

  get inlineRows(): number {
    return [...this.rows.journal.values()].filter(({ inline }) => inline !== undefined).length;
  }
}

const rowsOf = (plan: DrainPlan): readonly number[] => plan.rows;

test("[D4] nothing is drained up to the limit, the oldest rows beyond it", async () => {
  const limited = new MemoryCoordinator({ settings: { ...settings, "inline.drain.bytes": 300 } });
  const chain = new Chain();
  await limited.createPartitions([at(0)], createTime);
  for (let count = 0; count < 3; count++) await limited.commit(chain.inline([[at(0), [plain()]]]));
  expect([limited.cell.isDrainDue, limited.cell.planDrain()]).toEqual([false, undefined]);
  await limited.commit(chain.inline([[at(0), [plain()]]]));
  expect(limited.cell.isDrainDue).toBe(true);
  expect(limited.cell.planDrain()).toMatchObject({ cursor: 5, key: "merged/0/5", rows: [2, 3, 4, 5] });
});

test("[D4] a limit near what the cell accepts is taken as half of that", async () => {
  const cell = new MemoryCoordinator({ settings: { ...settings, "inline.drain.bytes": 1e9, "inline.bytes.max": 300 } });
  const chain = new Chain();
  await cell.createPartitions([at(0)], createTime);
  await cell.commit(chain.inline([[at(0), [plain()]]]));
  expect(cell.cell.isDrainDue).toBe(false);
  await cell.commit(chain.inline([[at(0), [plain()]]]));
  expect(cell.cell.isDrainDue).toBe(true);
});

test("[D4] one object takes 8 MiB of rows, a larger row alone, and whole rows up to 10 000 extents", async () => {
  const taken = async (sizes: readonly number[], partitions = 1): Promise<readonly number[]> => {
    const coordinator = new MemoryCoordinator({ settings });
    const chain = new Chain();
    const refs = Array.from({ length: partitions }, (_, partition) => at(partition));
    await coordinator.createPartitions(refs, createTime);
    for (const size of sizes) await coordinator.commit(chain.inline(refs.map((ref) => [ref, [plain(1, { size })]])));
    return coordinator.cell.planDrain()!.rows;
  };
  const mebibyte = 1024 * 1024;
  expect(await taken(Array.from({ length: 10 }, () => mebibyte))).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  expect(
    await taken(
      Array.from({ length: 6 }, () => 100),
      4000,
    ),
  ).toEqual([2, 3, 4]);
});

test("[D8] [D9] the object holds final offsets in order of partitions and says whose they are", async () => {
  const subject = await new Subject().create();
  await subject.produce([at(1), at(0, 1)]);
  await subject.produce([at(0)], "object");
  await subject.produce([at(0), at(1)]);
  const plan = subject.plan();
  const object = subject.objects.get("merged/3/4")!;
  const result = decodeFooterOf(object, crc32c);
  if (!result.ok || result.footer.kind !== "merged") throw new Error("not a merged object");
  expect(result.footer.identity).toEqual({ cell: 3, cursor: 4, part: 0 });
  expect(checkBody(object, result.footer, crc32c)).toEqual([]);
  const found = result.footer.extents.map(({ topicId, partition, baseOffset, nextOffset }) => [
    topicId,
    partition,
    baseOffset,
    nextOffset,
  ]);
  // Two offsets of one partition went into a WAL object.
  expect(found).toEqual([
    [topics[1], 0, 0, 1],
    [topics[0], 0, 2, 3],
    [topics[0], 1, 0, 4],
  ]);
  expect(batchesOf(object, result.footer.extents[2]!).map(({ baseOffset }) => baseOffset)).toEqual([0, 2]);
  expect(plan.extents).toHaveLength(4);
  for (let position = object.length - 150; position < object.length; position++) {
    const damaged = object.slice();
    damaged[position]! ^= 1;
    expect(decodeFooterOf(damaged, crc32c).ok).toBe(false);
  }
});

test("[D4] [I5] inline bytes fall, rows are freed, and a reader sees what it saw", async () => {
  const subject = await new Subject().create();
  for (let count = 0; count < 5; count++) await subject.produce([at(0), at(1), at(1, 1)]);
  subject.coordinator.takeSnapshot();
  const before = subject.read();
  expect(subject.inlineRows).toBe(5);
  const { cursor } = subject.coordinator.cell;
  expect(subject.coordinator.commitDrain(subject.plan())).toBe(true);
  expect([subject.coordinator.cell.inlineBytes, subject.inlineRows]).toEqual([0, 0]);
  expect(subject.coordinator.cell.planDrain()).toBeUndefined();
  expect(subject.coordinator.cell.updatesSince(cursor)).toEqual({ cursor: cursor + 1, gap: false, updates: [] });
  expect(subject.read()).toEqual(before);
  subject.restart();
  expect(subject.read()).toEqual(before);
  subject.coordinator.takeSnapshot();
  subject.restart();
  expect(subject.read()).toEqual(before);
});

const meanwhile: readonly (readonly [what: string, act: (subject: Subject) => Promise<unknown>, moved: boolean, inline: number])[] =
  [
    ["nothing", async () => {}, true, 0],
    ["a topic was deleted", async ({ coordinator }) => await coordinator.deletePartitions(topics[0]!), true, 0],
    [
      "a topic was deleted and created anew",
      async ({ coordinator }) => {
        await coordinator.deletePartitions(topics[0]!);
        await coordinator.createPartitions([at(0), at(1)], createTime);
      },
      true,
      0,
    ],
    [
      "all topics were deleted",
      async ({ coordinator }) => {
        for (const topicId of topics) await coordinator.deletePartitions(topicId);
      },
      false,
      0,
    ],
    ["a log's start moved", async ({ coordinator }) => await coordinator.deleteRecords([{ ...at(0), beforeOffset: 3 }]), true, 0],
    ["a log was emptied", async ({ coordinator }) => await coordinator.deleteRecords([{ ...at(0), beforeOffset: -1 }]), true, 0],
    ["more was produced", async (subject) => await subject.produce([at(0)]), true, 1],
  ];

test.each(meanwhile)("[I5] what was planned moves only where it still lies: %s meanwhile", async (_, act, moved, inline) => {
  const subject = await new Subject().create();
  for (let count = 0; count < 4; count++) await subject.produce([at(0), at(0, 1)]);
  const plan = subject.plan();
  await act(subject);
  const before = subject.read();
  const { cursor } = subject.coordinator.cell;
  expect(subject.coordinator.commitDrain(plan)).toBe(moved);
  expect(subject.coordinator.cell.cursor).toBe(moved ? cursor + 1 : cursor);
  expect(subject.read()).toEqual(before);
  expect(subject.coordinator.cell.planDrain()?.rows.length ?? 0).toBe(inline);
  // A second time there is nothing left to move.
  expect(subject.coordinator.commitDrain(plan)).toBe(false);
});

test("[I7] a leader that died before it decided makes the same object of the same state, and one that goes on makes another", async () => {
  const subject = await new Subject().create();
  for (let count = 0; count < 3; count++) await subject.produce([at(1), at(0, 1)]);
  const first = subject.plan();
  subject.restart();
  expect(subject.plan()).toEqual(first);
  subject.coordinator.takeSnapshot();
  subject.restart();
  expect(subject.plan()).toEqual(first);
  await subject.produce([at(0)]);
  expect(rowsOf(subject.plan())).toEqual([...first.rows, first.cursor + 1]);
  expect(subject.objects.size).toBe(2);
});

type Step = "inline" | "object" | "plan" | "commit" | "restart" | "snapshot" | "delete-topic" | "create" | "delete-records";
const step: fc.Arbitrary<readonly [Step, number]> = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>("inline") },
    { weight: 2, arbitrary: fc.constant<Step>("object") },
    { weight: 4, arbitrary: fc.constantFrom<Step>("plan", "commit") },
    { weight: 3, arbitrary: fc.constantFrom<Step>("restart", "snapshot") },
    { weight: 1, arbitrary: fc.constantFrom<Step>("delete-topic", "create", "delete-records") },
  ),
  fc.nat(11),
);

test("[I2] [I5] [I7] through any lives, deletes, restarts and snapshots between any two steps, draining changes nothing that is read", async () => {
  let moved = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
      const subject = await new Subject().create();
      let plan: DrainPlan | undefined;
      const exists = new Set(topics);
      for (const [kind, number] of steps) {
        const topic = number % 2;
        const refs = [at(number % 3 === 0 ? 0 : 1, topic), at(0, 1 - topic)].filter(({ topicId }) => exists.has(topicId));
        if ((kind === "inline" || kind === "object") && refs.length > 0)
          await subject.produce(refs.slice(0, 1 + (number % 2)), kind);
        if (kind === "delete-topic") {
          await subject.coordinator.deletePartitions(topics[topic]!);
          exists.delete(topics[topic]!);
        }
        if (kind === "create") {
          await subject.coordinator.createPartitions([at(0, topic), at(1, topic)], createTime);
          exists.add(topics[topic]!);
        }
        const before = kind === "delete-records" ? undefined : subject.read();
        if (kind === "delete-records") await subject.coordinator.deleteRecords([{ ...at(0, topic), beforeOffset: number }]);
        if (kind === "plan" && subject.coordinator.cell.isDrainDue) plan = subject.plan();
        if (kind === "commit" && plan !== undefined) {
          if (subject.coordinator.commitDrain(plan)) moved += 1;
          plan = undefined;
        }
        if (kind === "restart") {
          subject.restart();
          plan = undefined;
        }
        if (kind === "snapshot") subject.coordinator.takeSnapshot();
        if (before !== undefined) expect(subject.read()).toEqual(before);
        const state = subject.coordinator.cell.snapshot();
        expect(new MemoryCoordinator({ cell: 3, rows: subject.rows, settings }).cell.snapshot()).toEqual(state);
      }
      // However it came about, all that is inline can be drained.
      while (subject.coordinator.cell.isDrainDue) expect(subject.coordinator.commitDrain(subject.plan())).toBe(true);
      expect(subject.coordinator.cell.inlineBytes).toBe(0);
    }),
    { numRuns: 60 },
  );
  expect(moved).toBeGreaterThan(30);
});

test("a snapshot of another version and a drain of what is not there are refused", async () => {
  const subject = await new Subject().create();
  await subject.produce([at(0)]);
  const plan = subject.plan();
  const row = subject.coordinator.cell.decideDrain(plan, 0)!;
  await subject.coordinator.deletePartitions(topics[0]!);
  const { cursor } = subject.coordinator.cell;
  expect(() => subject.coordinator.cell.applyRow({ ...row, sequence: cursor + 1 }, false)).toThrow(
    "moves an extent that is not there",
  );
  const [snapshot] = new MemoryCoordinator({ settings }).cell.snapshot();
  snapshot![0] = 1;
  expect(() => new MemoryCoordinator({ settings }).cell.restore([snapshot!], () => [])).toThrow(
    "snapshot of version 1; this version reads 2 to 6",
  );
});

test("a drain that fails is tried again after ever more commits, 1024 at most", () => {
  const pace = new DrainPace();
  const passed = (): number => {
    let count = 0;
    while (!pace.begins()) count += 1;
    return count;
  };
  const found = Array.from({ length: 12 }, () => {
    const before = passed();
    pace.failed();
    return before;
  });
  expect(found).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1023]);
  pace.succeeded();
  expect(passed()).toBe(0);
});
