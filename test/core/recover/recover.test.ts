/** A lost cell's logs, put together from the bucket alone (decision 11): what keeps its offsets, what gets new ones, and what is said of the rest. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import { kernel } from "../../../kernel/kernel.ts";
import type { TransactionDescription } from "../../../core/transaction/requests.ts";
import { segmentKey } from "../../../core/wal/key.ts";
import { allRefs, at, gap, RecoverySubject, reportOf, type ReadRecord, type Wanted } from "./recovery-subject.ts";

const valuesOf = (records: readonly ReadRecord[]): readonly number[] => records.map(({ value }) => value);

test("[D9] merged records keep their offsets, write-ahead ones follow behind the gap in their order, inline ones are told to be lost", async () => {
  const subject = await new RecoverySubject().create();
  const one: Wanted = { ref: at(0) };
  await subject.produce([one], "object");
  await subject.produce([one], "inline");
  await subject.produce([one], "object");
  expect(await subject.merge()).toBe(true);
  await subject.produce([one], "inline");
  await subject.produce([one, one], "object", 1);
  await subject.produce([one], "inline");
  const recovery = await subject.recover();
  const { records, start, end } = await subject.read(at(0));
  expect(records).toEqual([
    { offset: 0, value: 1, kind: "merged" },
    { offset: 1, value: 2, kind: "merged" },
    { offset: 2, value: 3, kind: "merged" },
    { offset: 3 + gap, value: 5, kind: "wal" },
    { offset: 4 + gap, value: 6, kind: "wal" },
  ]);
  expect([start, end]).toEqual([0, 5 + gap]);
  expect(reportOf(recovery, at(0))).toMatchObject({
    keptOffsets: 3,
    newOffsets: 3 + gap,
    readdressedBatches: 2,
    duplicates: 2,
    lostOffsets: 0,
  });
  // Nobody knows whether something was inline there.
  expect(reportOf(recovery, at(1))).toMatchObject({ logStartOffset: gap, keptOffsets: 0, newOffsets: gap, endOffset: gap });
});

test("[D9] offsets between merged records that are lost are told, and stood for: readers find no hole", async () => {
  const subject = await new RecoverySubject().create();
  const one: Wanted = { ref: at(0) };
  for (let count = 0; count < 4; count++) await subject.produce([one], "object");
  await subject.merge();
  await subject.collect();
  const { key } = (await subject.store.list("merged/")).objects[0]!;
  const damaged = (await subject.store.get(key))!;
  for (const { position } of kernel.batches(damaged).slice(1, 3)) damaged[position + 65]! ^= 1;
  await subject.store.put(key, damaged);
  const recovery = await subject.recover();
  expect(recovery.faults).toHaveLength(2);
  expect(reportOf(recovery, at(0))).toMatchObject({ lostRanges: [[1, 3]], lostOffsets: 2, keptOffsets: 4 });
  expect((await subject.read(at(0))).records.map(({ offset, value }) => [offset, value])).toEqual([
    [0, 1],
    [3, 4],
  ]);
});

test("[D9] what compaction took out of a segment does not come back from the objects of before", async () => {
  const subject = await new RecoverySubject().create();
  for (let count = 0; count < 4; count++) await subject.produce([{ ref: at(0) }], "object");
  await subject.merge();
  await subject.collect();
  const merged = (await subject.store.get((await subject.store.list("merged/")).objects[0]!.key))!;
  const batches = kernel.batches(merged).map(({ position, size }) => merged.subarray(position, position + size));
  const key = segmentKey({ ...at(0), cell: 0, cursor: 9999, baseOffset: 0 });
  await subject.store.put(key, new Uint8Array([...batches[0]!, ...batches[3]!]));
  const recovery = await subject.recover();
  expect((await subject.read(at(0))).records.map(({ offset, value, kind }) => [offset, value, kind])).toEqual([
    [0, 1, "segment"],
    [3, 4, "segment"],
  ]);
  expect(reportOf(recovery, at(0))).toMatchObject({ keptOffsets: 4, lostRanges: [[1, 3]], readdressedBatches: 0 });
});

test("[D9] what retention would have deleted is not brought back from write-ahead objects", async () => {
  const subject = await new RecoverySubject().create();
  await subject.produce([{ ref: at(0), timestamp: subject.nowMs - 10_000 }, { ref: at(0) }], "object");
  const recovery = await subject.recover({ retentionMs: 5000 });
  expect(reportOf(recovery, at(0))).toMatchObject({ expired: 1, readdressedBatches: 1 });
  expect(valuesOf((await subject.read(at(0))).records)).toEqual([2]);
});

test("[D9] [I9] damage costs the batch that it is in, and is named", async () => {
  const subject = await new RecoverySubject().create();
  for (let count = 0; count < 3; count++) await subject.produce([{ ref: at(0) }], "object");
  const damaged = (await subject.store.get("wal/0/1/2"))!;
  damaged[70]! ^= 1;
  await subject.store.put("wal/0/1/2", damaged);
  await subject.store.put("wal/0/1/3", new Uint8Array(10));
  await subject.store.put("wal/1/1/1", new Uint8Array(0));
  const { faults } = await subject.recover();
  expect(faults.map(({ key }) => key).toSorted()).toEqual(["wal/0/1/2", "wal/0/1/3", "wal/1/1/1"]);
  expect(valuesOf((await subject.read(at(0))).records)).toEqual([1]);
});

test("[I3] a batch that was sent twice stands once, however it came", async () => {
  const subject = await new RecoverySubject().create();
  const first = { ref: at(0), producer: { id: 7, sequence: 0 } };
  await subject.produce([first], "inline");
  await subject.produce([first], "object");
  await subject.produce([first], "object", 1);
  await subject.produce([{ ref: at(0), producer: { id: 7, sequence: 4 } }], "object", 1, false);
  const recovery = await subject.recover();
  expect(reportOf(recovery, at(0))).toMatchObject({ duplicates: 1, readdressedBatches: 2, missingSequences: 3 });
  expect(valuesOf((await subject.read(at(0))).records)).toEqual([2, 4]);
});

interface OpenCase {
  readonly title: string;
  /** What the coordinator says. */
  readonly state: TransactionDescription["state"] | undefined;
  readonly isPart: boolean;
  /** Aborted ones that a reader is told of; -1 in place of a list: the transaction is open. */
  readonly expected: "aborted" | "committed" | "assumed" | "open";
}

const openCases: readonly OpenCase[] = [
  { title: "goes on", state: "Ongoing", isPart: true, expected: "open" },
  { title: "is being ended, and its leader has not heard", state: "PrepareAbort", isPart: true, expected: "open" },
  { title: "is being ended, and its leader had heard", state: "PrepareAbort", isPart: false, expected: "aborted" },
  { title: "was committed", state: "CompleteCommit", isPart: false, expected: "committed" },
  { title: "was aborted", state: "CompleteAbort", isPart: false, expected: "aborted" },
  { title: "is of a coordinator that has forgotten it", state: undefined, isPart: false, expected: "assumed" },
  { title: "was not the one that goes on", state: "Ongoing", isPart: false, expected: "assumed" },
];

for (const { title, state, isPart, expected } of openCases) {
  test(`[I11] a transaction whose marker is lost and that ${title} is ${expected}`, async () => {
    const subject = await new RecoverySubject().create();
    for (const sequence of [0, 1]) {
      await subject.produce([{ ref: at(0), producer: { id: 7, sequence }, transaction: 3 }], "object");
      if (sequence === 0) await subject.merge();
    }
    const topics = isPart ? [{ topicId: at(0).topicId, partitions: [0] }] : [];
    const transactions = state && [{ state, producerId: 7, producerEpoch: 0, generation: 3, timeoutMs: 1, startedMs: 1, topics }];
    const recovery = await subject.recover(transactions && { transactions });
    const report = reportOf(recovery, at(0));
    expect(report).toMatchObject({
      openTransactions: expected === "open" ? 1 : 0,
      assumedCommitted: expected === "assumed" ? 1 : 0,
    });
    const find = () => subject.coordinator.cell.findBatches([{ ...at(0), offset: 0, maxBytes: 1e9 }]).results[0]!;
    expect(find().bounds.lastStableOffset).toBe(expected === "open" ? 0 : report.endOffset);
    const aborted = [{ producerId: 7, firstOffset: 0, lastOffset: gap + 2 }];
    expect(find().abortedTransactions).toEqual(expected === "aborted" ? aborted : []);
    if (expected !== "open") return;
    // Its coordinator ends it.
    await subject.marker(7, 3, false, [at(0)]);
    expect(find().abortedTransactions).toEqual(aborted);
    expect(find().bounds.lastStableOffset).toBe(gap + 3);
    // What belongs to it comes too late.
    expect(await subject.produce([{ ref: at(0), producer: { id: 7, sequence: 9 }, transaction: 3 }], "inline")).toEqual([-48]);
  });
}

test("[I11] markers that are left decide: aborted transactions stay aborted, committed ones committed", async () => {
  const subject = await new RecoverySubject().create();
  for (let turn = 0; turn < 6; turn++) {
    const transaction = turn + 1;
    await subject.produce([{ ref: at(0), producer: { id: 7, sequence: turn * 2 }, transaction }], "object");
    await subject.produce([{ ref: at(0), producer: { id: 7, sequence: turn * 2 + 1 }, transaction }], "object", 1);
    await subject.marker(7, transaction, turn % 2 === 0, [at(0)]);
    if (turn % 3 === 2) await subject.drain();
    if (turn % 3 === 2) await subject.merge();
  }
  const find = () => subject.coordinator.cell.findBatches([{ ...at(0), offset: 0, maxBytes: 1e9 }]).results[0]!;
  const before = find().abortedTransactions;
  expect(before).toHaveLength(3);
  await subject.recover();
  expect(find().abortedTransactions).toEqual(before);
  expect(reportOf(await subject.recover(), at(0)).assumedCommitted).toBe(0);
  expect(find().abortedTransactions).toEqual(before);
});

type Step =
  | "object"
  | "inline"
  | "other-broker"
  | "uncommitted"
  | "drain"
  | "claim"
  | "merge"
  | "collect"
  | "delete-records"
  | "recover";

const step: fc.Arbitrary<readonly [Step, number]> = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<Step>("object", "inline", "other-broker") },
    { weight: 5, arbitrary: fc.constantFrom<Step>("merge", "drain", "claim") },
    { weight: 2, arbitrary: fc.constantFrom<Step>("collect", "uncommitted") },
    { weight: 1, arbitrary: fc.constantFrom<Step>("delete-records", "recover") },
  ),
  fc.nat(1000),
);

/** What was there before, and what is there now. */
function judge(before: readonly ReadRecord[], now: readonly ReadRecord[], report: { readonly newOffsets: number }): number {
  const byValue = new Map(now.map((record) => [record.value, record]));
  expect(byValue.size, "nothing twice").toBe(now.length);
  let readdressed = 0;
  for (const { offset, value, kind } of before) {
    const found = byValue.get(value);
    if (kind !== "inline") expect(found, `value ${value}, which lay in a ${kind} object, is there`).toBeDefined();
    // It may lie in an object that its leader never heard of.
    if (found !== undefined && found.offset < report.newOffsets) expect(found.offset).toBe(offset);
    else if (found !== undefined) readdressed += 1;
    if (kind === "merged" || kind === "segment") expect(found!.offset).toBe(offset);
  }
  return readdressed;
}

test(
  "[D9] [I2] [I5] [I7] whatever happened before: nothing that rests is lost, what was merged keeps its offset, nothing stands twice, and the new cell goes on",
  { timeout: 120_000 },
  async () => {
    let readdressed = 0;
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50, size: "max" }), async (steps) => {
        const subject = await new RecoverySubject().create(3000);
        const sequences = new Map<number, number>();
        const wanted = (number: number): Wanted[] => {
          const refs = number % 4 === 0 ? allRefs : [allRefs[number % 3]!];
          return refs.flatMap((ref) => {
            if (number % 5 === 0) return [{ ref }, { ref }];
            const id = 100 + allRefs.indexOf(ref);
            const sequence = sequences.get(id) ?? 0;
            sequences.set(id, sequence + 1);
            return [{ ref, producer: { id, sequence } }];
          });
        };
        const recover = async (): Promise<void> => {
          const before = await Promise.all(allRefs.map((ref) => subject.read(ref)));
          const recovery = await subject.recover();
          expect(recovery.faults).toEqual([]);
          for (const [index, ref] of allRefs.entries()) {
            const { records } = await subject.read(ref);
            readdressed += judge(before[index]!.records, records, reportOf(recovery, ref));
            kept += records.length;
            const producer = subject.coordinator.cell
              .describePartitions([ref])[0]!
              .producers.find(({ producerId }) => producerId >= 100);
            if (producer !== undefined)
              sequences.set(producer.producerId, Math.max(producer.lastSequence + 1, sequences.get(producer.producerId)!));
          }
          expect(subject.reopened().cell.snapshot()).toEqual(subject.coordinator.cell.snapshot());
        };
        for (const [kind, number] of steps) {
          if (kind === "object" || kind === "inline") await subject.produce(wanted(number), kind);
          if (kind === "other-broker") await subject.produce(wanted(number), "object", 1);
          if (kind === "uncommitted") await subject.produce([{ ref: allRefs[number % 3]! }], "object", number % 2, false);
          if (kind === "drain") await subject.drain();
          if (kind === "claim") await subject.claim();
          if (kind === "merge") {
            subject.nowMs += 400_000;
            await subject.merge();
          }
          if (kind === "collect") await subject.collect();
          if (kind === "delete-records") {
            await subject.coordinator.deleteRecords([{ ...allRefs[number % 3]!, beforeOffset: number % 7 }]);
          }
          if (kind === "recover") await recover();
        }
        await recover();
        const before = await Promise.all(allRefs.map((ref) => subject.read(ref)));
        await subject.produce([{ ref: at(0) }], "object");
        subject.nowMs += 400_000;
        while (await subject.merge());
        const after = await Promise.all(allRefs.map((ref) => subject.read(ref)));
        for (const [index, { records }] of after.entries()) {
          const places = (list: readonly ReadRecord[]) => list.map(({ offset, value }) => [offset, value]);
          expect(places(records.slice(0, before[index]!.records.length))).toEqual(places(before[index]!.records));
        }
      }),
      { numRuns: 60 },
    );
    expect(readdressed).toBeGreaterThan(50);
    expect(kept).toBeGreaterThan(500);
  },
);

test("[D9] a cell that leads partitions takes nothing over", async () => {
  const subject = await new RecoverySubject().create();
  const snapshot = subject.coordinator.cell.snapshot();
  expect(() => subject.coordinator.cell.takeOver(snapshot)).toThrow("leads partitions already");
  expect(subject.coordinator).toBeInstanceOf(MemoryCoordinator);
});
