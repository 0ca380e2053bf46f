/**
 * A commit whose shape is a lie is refused as a whole: no row, no number taken, nothing applied; the true commit under the same number is
 * taken afterwards. Tables of what a broken broker might send.
 */
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import type { CommitEntry, CommitRequest } from "../../../core/coordinator.ts";
import { operatingErrorKind } from "../../../core/operating-error.ts";
import { batchesFlushedMax } from "../../../core/wal/buffer.ts";
import { Chain, createTime, from, plain, short } from "../../contract/commits.ts";

const ref = { topicId: "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f", partition: 0 };
const entry: CommitEntry = { ...ref, byteStart: 0, batches: [plain(1)] };
const object = (byteLength: number, sequence = 1): CommitRequest["source"] => ({ kind: "object", sequence, byteLength });
const inline = (byteLength: number): CommitRequest["source"] => ({ kind: "inline", records: new Uint8Array(byteLength) });

const lies: readonly (readonly [what: string, source: CommitRequest["source"], entries: readonly CommitEntry[]])[] = [
  ["a partition twice", object(1000), [entry, { ...entry, byteStart: 100 }]],
  ["bytes behind the object's end", object(99), [entry]],
  ["bytes behind the inline end", inline(99), [entry]],
  ["bytes before the beginning", object(1000), [{ ...entry, byteStart: -1 }]],
  ["a place between two bytes", object(1000), [{ ...entry, byteStart: 0.5 }]],
  ["a place that is no number", object(1000), [{ ...entry, byteStart: Number.NaN }]],
  ["an entry without batches", object(1000), [{ ...entry, batches: [] }]],
  ["a batch without bytes", object(1000), [{ ...entry, batches: [plain(1, { size: 0 })] }]],
  ["a batch of half a byte", object(1000), [{ ...entry, batches: [plain(1, { size: 0.5 })] }]],
  ["a batch of less than nothing", object(1000), [{ ...entry, batches: [plain(1, { size: 200 }), plain(1, { size: -100 })] }]],
  ["a batch without offsets", object(1000), [{ ...entry, batches: [plain(0)] }]],
  ["a batch of half an offset", object(1000), [{ ...entry, batches: [plain(1.5)] }]],
  ["a batch that takes all offsets there are", object(1000), [{ ...entry, batches: [plain(2 ** 53)] }]],
  ["an object beyond 32 bits", object(2 ** 32), [entry]],
  ["an object of no length", object(Number.NaN), [entry]],
  ["an object numbered below zero", object(1000, -1), [entry]],
  ["inline records that fit in no row", inline(1_900_000), [{ ...entry, batches: [plain(1, { size: 1_900_000 })] }]],
];

test.each(lies)("[I9] a commit with %s leaves nothing behind", async (_, source, entries) => {
  const coordinator = new MemoryCoordinator();
  await coordinator.createPartitions([ref], createTime);
  const before = coordinator.cell.snapshot();
  const request = { brokerId: 0, brokerEpoch: 1, number: 1, source, entries };
  const error: unknown = await coordinator.commit(request).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(operatingErrorKind(error)).toBe("invalid");
  expect(coordinator.rows.journal.size).toBe(1);
  expect(coordinator.cell.snapshot()).toEqual(before);
  expect(short(await coordinator.commit(new Chain().object([[ref, [plain(2)]]])))).toBe("o0");
});

test("[I9] a commit of nothing is answered with nothing", async () => {
  const coordinator = new MemoryCoordinator();
  expect(short(await coordinator.commit(new Chain().object([])))).toBe("");
});

test("[I9] the most that a broker flushes at once fits in one row, whatever its batches say", async () => {
  const coordinator = new MemoryCoordinator({ now: () => 1_700_000_000_000 });
  const partitions = Array.from({ length: 1000 }, (_, partition) => ({ ...ref, partition }));
  await coordinator.createPartitions(partitions, createTime);
  // Each batch differs from the one before by as much as a row can spell, in every number.
  const batches = Array.from({ length: batchesFlushedMax / 1000 }, (_, index) => ({
    ...from(index % 2 === 0 ? 2 ** 51 : 0, 2 ** 31 - 1 - index, 2 ** 31 - 1, index % 2 === 0 ? 32_767 : 0),
    attributes: 0xffff,
    maxTimestamp: index % 2 === 0 ? 2 ** 51 : -(2 ** 51),
  }));
  const reply = await coordinator.commit(new Chain().object(partitions.map((one) => [one, batches])));
  expect(reply.kind).toBe("committed");
  expect(coordinator.rows.journal.get(2)!.entry.length).toBeLessThan(1_900_000);
});
