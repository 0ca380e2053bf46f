/** Compaction as readers see it: what goes, what stays, what is kept of batches, and when. Kafka's cleaner is the measure. */
import { describe, expect, test } from "vitest";
import { CompactionSubject, ref, type KeyedRecord } from "./compaction-subject.ts";

const pairs = (...texts: string[]): KeyedRecord[] =>
  texts.map((pair) => {
    const [key, value] = pair.split("=");
    return { key: key!, value: value ?? null };
  });

async function shown(subject: CompactionSubject, readCommitted = false): Promise<string> {
  const records = await subject.read(readCommitted);
  return records.map(({ offset, key, value }) => `${offset}:${key}${value === null ? "" : `=${value}`}`).join(" ");
}

describe("records", () => {
  test("[I12] of each key the newest stays, at its offset, whatever it was sent with; the last batch is left alone", async () => {
    const subject = await new CompactionSubject().create();
    await subject.produce(pairs("a=1", "b=1", "c=1"));
    await subject.produce(pairs("a=2", "d=1"));
    await subject.produce(pairs("b=2"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("2:c=1 3:a=2 4:d=1 5:b=2 6:last=last");
    await subject.produce(pairs("last=again"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("2:c=1 3:a=2 4:d=1 5:b=2 7:last=again 8:last=last");
    expect(subject.highWatermark).toBe(9);
    subject.coordinator.takeSnapshot();
    subject.restart();
    expect(await shown(subject)).toBe("2:c=1 3:a=2 4:d=1 5:b=2 7:last=again 8:last=last");
    expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
  });

  test.each([0, 1, 2, 3, 4])("batches of codec %i keep it, with their offsets, sequence, times and a good CRC", async (codec) => {
    const subject = await new CompactionSubject().create();
    const filler = "x".repeat(300);
    const options = { codec, producerId: 7, producerEpoch: 3, baseSequence: 0 };
    await subject.produce(pairs(`a=${filler}`, `b=${filler}`, `c=${filler}`, `a=${filler}!`), options);
    await subject.produce(pairs("b=2"), { ...options, baseSequence: 4 });
    const before = await subject.read();
    await subject.compactAll();
    const kept = [2, 3, 4].map((offset) => before.find((record) => record.offset === offset));
    expect((await subject.read()).slice(0, 3)).toEqual(kept);
    const [{ header }] = (await subject.batches()) as [Awaited<ReturnType<CompactionSubject["batches"]>>[0]];
    expect(header).toMatchObject({
      baseOffset: 0,
      offsetCount: 4,
      recordCount: 2,
      attributes: codec,
      producerId: 7,
      producerEpoch: 3,
      baseSequence: 0,
      maxTimestamp: before[3]!.timestamp,
    });
  });

  test("times that the log gave stay what they were", async () => {
    const subject = await new CompactionSubject().create();
    await subject.produce(pairs("a=1", "b"), { stamped: true });
    await subject.produce(pairs("a=2"));
    const before = await subject.read();
    await subject.compactAll();
    expect((await subject.read()).slice(0, 2)).toEqual([before[1], before[2]]);
  });

  test("a log of which nothing is left below its last batch: readers from its start on wait for what is there", async () => {
    const subject = await new CompactionSubject().create({ deleteRetentionMs: 0 });
    await subject.produce(pairs("a", "b"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("0:a 1:b 2:last=last");
    await subject.compactAll();
    expect(await shown(subject)).toBe("2:last=last 3:last=last");
    const { extents } = subject.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1 }]).results[0]!;
    expect(extents[0]).toMatchObject({ baseOffset: 0 });
    await subject.compactAll();
    expect(await shown(subject)).toBe("3:last=last 4:last=last");
  });
});

describe("tombstones", () => {
  test("[I12] stay for delete.retention.ms after they were first cleaned, then go, and overwrite meanwhile", async () => {
    const subject = await new CompactionSubject().create({ deleteRetentionMs: 5000 });
    await subject.produce(pairs("a=1", "b=1"));
    await subject.produce(pairs("a", "c=1"));
    const before = await subject.read();
    await subject.compactAll(10_000);
    expect(await shown(subject)).toBe("1:b=1 2:a 3:c=1 4:last=last");
    // Its time is counted from the base of the batch, which had to move; the record's own time did not.
    expect((await subject.read()).slice(0, 3)).toEqual(before.slice(1));
    await subject.compactAll(1000);
    expect(await shown(subject)).toBe("1:b=1 2:a 3:c=1 4:last=last 5:last=last");
    await subject.compactAll(6000);
    expect(await shown(subject)).toBe("1:b=1 3:c=1 5:last=last 6:last=last");
  });
});

describe("producers", () => {
  test("[I3] [I12] the last batch of a producer stays as an empty one, and what it sends next or again is judged as ever", async () => {
    const subject = await new CompactionSubject().create();
    const producer = { producerId: 9, producerEpoch: 0 };
    await subject.produce(pairs("a=1", "b=1"), { ...producer, baseSequence: 0 });
    await subject.produce(pairs("a=2", "b=2"), { ...producer, baseSequence: 2 });
    await subject.produce(pairs("a=3", "b=3"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("4:a=3 5:b=3 6:last=last");
    const headers = (await subject.batches()).map(({ header }) => header);
    expect(headers[0]).toMatchObject({ baseOffset: 2, offsetCount: 2, recordCount: 0, producerId: 9, baseSequence: 2 });
    expect(headers).toHaveLength(3);
    subject.coordinator.takeSnapshot();
    subject.restart();
    await expect(subject.produce(pairs("c=1"), { ...producer, baseSequence: 7 })).rejects.toThrow('"errorCode":45');
    expect(await subject.produce(pairs("a=2", "b=2"), { ...producer, baseSequence: 2 })).toBe(2);
    expect(await subject.produce(pairs("c=1"), { ...producer, baseSequence: 4 })).toBe(7);
    // It is the last no more.
    await subject.compactAll();
    expect((await subject.batches())[0]!.header.baseOffset).toBe(4);
  });
});

describe("transactions", () => {
  test("[I12] aborted records go and overwrite nothing; the list that readers get holds until they have gone, the marker a while longer", async () => {
    const subject = await new CompactionSubject().create();
    await subject.produce(pairs("a=1", "b=1"));
    await subject.produce(pairs("a=aborted"), { producerId: 1, baseSequence: 0, generation: 1 });
    await subject.produce(pairs("b=2"), { producerId: 2, baseSequence: 0, generation: 1 });
    await subject.end(1, 1, false);
    await subject.end(2, 1, true);
    // Later ones, so that neither is the last of its producer.
    for (const producerId of [1, 2]) {
      await subject.produce(pairs(`p${producerId}=1`), { producerId, baseSequence: 1, generation: 2 });
      await subject.end(producerId, 2, true);
    }
    expect(await shown(subject, true)).toBe("0:a=1 1:b=1 3:b=2 6:p1=1 8:p2=1");
    await subject.compactAll();
    expect(await shown(subject, true)).toBe("0:a=1 3:b=2 6:p1=1 8:p2=1 10:last=last");
    expect(await shown(subject)).toBe(await shown(subject, true));
    const markers = async (): Promise<number[]> =>
      (await subject.batches()).filter(({ header }) => (header.attributes & 32) !== 0).map(({ header }) => header.baseOffset);
    expect([await markers(), subject.abortedCount()]).toEqual([[4, 5, 7, 9], 1]);
    // Nothing of the aborted one is left: its marker's days are counted, and nobody is told of it any more.
    await subject.compactAll();
    expect([await markers(), subject.abortedCount()]).toEqual([[4, 5, 7, 9], 0]);
    await subject.produce(pairs("b=3"));
    await subject.compactAll(2000);
    // The committed one has lost its record in this pass; before the marker may go it must be found without.
    expect(await markers()).toEqual([5, 7, 9]);
    await subject.compactAll(2000);
    await subject.compactAll(2000);
    expect(await markers()).toEqual([7, 9]);
    expect(await shown(subject, true)).toBe(await shown(subject));
  });

  test("[I12] nothing at or above the last stable offset is touched, and it overwrites nothing", async () => {
    const subject = await new CompactionSubject().create();
    await subject.produce(pairs("a=1", "b=1"));
    await subject.produce(pairs("b=2"));
    await subject.produce(pairs("a=2"), { producerId: 1, baseSequence: 0, generation: 1 });
    await subject.produce(pairs("b=3"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("0:a=1 2:b=2 3:a=2 4:b=3 5:last=last");
    await subject.end(1, 1, true);
    await subject.compactAll();
    expect(await shown(subject)).toBe("3:a=2 4:b=3 5:last=last 7:last=last");
  });
});

describe("when", () => {
  const due = (subject: CompactionSubject): boolean =>
    (subject.coordinator.cell.mergeDueMs(subject.nowMs) ?? Infinity) <= subject.nowMs;

  test("min.cleanable.dirty.ratio: not before more than that share is dirty", async () => {
    const subject = await new CompactionSubject().create({ minCleanableDirtyMillionths: 500_000 });
    const value = "v".repeat(1000);
    for (let count = 0; count < 10; count++) await subject.produce(pairs(`${count}=${value}`));
    await subject.compactAll();
    expect(subject.claims.filter((kind) => kind === "compacted")).toHaveLength(1);
    for (let count = 0; count < 8; count++) await subject.produce(pairs(`0=${value}`));
    await subject.compactAll();
    expect(subject.claims.filter((kind) => kind === "compacted")).toHaveLength(1);
    for (let count = 0; count < 5; count++) await subject.produce(pairs(`0=${value}`));
    await subject.compactAll();
    expect(subject.claims.filter((kind) => kind === "compacted")).toHaveLength(2);
    expect((await subject.read()).filter(({ key }) => key === "0")).toHaveLength(1);
  });

  test("max.compaction.lag.ms: whatever the share, once the oldest has waited for so long; nobody is asked before", async () => {
    const subject = await new CompactionSubject().create({ minCleanableDirtyMillionths: 1_000_000, maxCompactionLagMs: 60_000 });
    await subject.produce(pairs("a=1"));
    await subject.produce(pairs("a=2"));
    await subject.produce(pairs("b=1"));
    const { nowMs } = subject;
    await subject.mergeAll();
    await subject.produce(pairs("c=1"));
    await subject.mergeAll();
    expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBe(nowMs + 60_000);
    subject.nowMs = nowMs + 60_000;
    expect(due(subject)).toBe(true);
    await subject.mergeAll();
    expect(await shown(subject)).toBe("1:a=2 2:b=1 3:c=1");
    expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
  });

  test("min.compaction.lag.ms: what is younger stays, and overwrites nothing", async () => {
    const subject = await new CompactionSubject().create({ minCompactionLagMs: 10_000 });
    await subject.produce(pairs("a=1"));
    await subject.produce(pairs("a=2"));
    await subject.mergeAll();
    subject.nowMs += 9000;
    await subject.produce(pairs("a=3"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("0:a=1 1:a=2 2:a=3 3:last=last");
    subject.nowMs += 2000;
    await subject.mergeAll();
    expect(await shown(subject)).toBe("1:a=2 2:a=3 3:last=last");
  });

  test("a policy that changes is obeyed from then on: delete, compact, delete again", async () => {
    const subject = await new CompactionSubject().create({ cleanupPolicy: "delete" });
    await subject.produce(pairs("a=1"));
    await subject.produce(pairs("a=2"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("0:a=1 1:a=2 2:last=last");
    await subject.create({ cleanupPolicy: "compact" });
    await subject.mergeAll();
    expect(await shown(subject)).toBe("1:a=2 2:last=last");
    await subject.create({ cleanupPolicy: "delete", retentionMs: 1000 });
    await subject.produce(pairs("a=3"));
    await subject.compactAll();
    expect(await shown(subject)).toBe("1:a=2 2:last=last 3:a=3 4:last=last");
    subject.nowMs += 500;
    await subject.produce(pairs("b=1"));
    subject.nowMs += 700;
    subject.coordinator.retainNow();
    expect(await shown(subject)).toBe("5:b=1");
  });

  test("a cell without compacted partitions, or with nothing dirty in them, asks for no alarm", async () => {
    for (const cleanupPolicy of ["delete", "compact"] as const) {
      const subject = await new CompactionSubject().create({ cleanupPolicy });
      expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
      await subject.produce(pairs("a=1"));
      await subject.mergeAll();
      subject.nowMs += 1_000_000;
      await subject.mergeAll();
      expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
    }
  });
});
