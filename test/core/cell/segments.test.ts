/** Segments: which of a partition's records are consolidated and when, that none is too large, and that readers notice nothing of it. */
import { expect, test } from "vitest";
import type { MergeClaim } from "../../../core/coordinator.ts";
import { TooSlow, WorkingTime } from "../../../core/merge/working-time.ts";
import { writeMerged } from "../../../durable-objects/merge-work.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { CountedObjectStore } from "../../../storage/counted.ts";
import { createTime } from "../../contract/commits.ts";
import { at, MergeSubject } from "./merge-subject.ts";

test("[D11] [I5] a partition with segment.bytes of its own becomes a Kafka log with its indexes; others stay as they are", async () => {
  const subject = await new MergeSubject().create(20_000);
  let segments: readonly string[] = [];
  for (let round = 0; round < 12; round++) {
    for (let count = 0; count < 10; count++) await subject.produce([at(0), at(0, 1)], "object", 300);
    const before = await subject.read();
    await subject.mergeAll();
    expect(await subject.read()).toEqual(before);
    const keys = [...new Set(subject.extents(at(0)).map(({ key }) => key))].filter((key) => key.startsWith("segment/"));
    // What is a segment stays one.
    expect(keys.slice(0, segments.length)).toEqual(segments);
    segments = keys;
  }
  expect(segments.length).toBeGreaterThan(1);
  expect(subject.extents(at(0, 1)).some(({ key }) => key.startsWith("segment/"))).toBe(false);
  for (const key of segments) expect((await subject.store.get(key))!.length).toBeLessThanOrEqual(20_000);
  const before = await subject.read();
  subject.coordinator.takeSnapshot();
  subject.restart();
  expect(await subject.read()).toEqual(before);
  // With the log's start behind it the segment is garbage, and its indexes with it.
  await subject.coordinator.deleteRecords([{ ...at(0), beforeOffset: -1 }]);
  subject.nowMs += 10_000_000;
  const stems = segments.map((key) => key.slice(0, -4));
  const dead = subject.coordinator.cell.collection.due(subject.nowMs).keys;
  expect(dead).toEqual(expect.arrayContaining(stems.flatMap((stem) => [`${stem}.log`, `${stem}.index`, `${stem}.timeindex`])));
});

const hour = 3_600_000;
const day = 24 * hour;
const kinds = (subject: MergeSubject): string[] => [...new Set(subject.extents(at(0)).map(({ key }) => key.split("/")[0]!))];

test("[D11] after segment.ms what is there becomes a segment, unless retention deletes it soon anyway", async () => {
  const after = async (retentionMs: number, batches: number): Promise<string[]> => {
    const subject = await new MergeSubject().create();
    await subject.coordinator.createPartitions([at(0)], { ...createTime, segmentMs: day, retentionMs });
    for (let left = batches; left > 0; left--) await subject.produce([at(0)], "object", 3_000_000);
    // Long after all of the records.
    subject.nowMs = 4_000_000_000_000;
    await subject.produce([at(1)]);
    await subject.mergeAll();
    return kinds(subject);
  };
  expect([await after(-1, 3), await after(3 * day, 3), await after(day, 3)]).toEqual([["segment"], ["segment"], ["merged"]]);
  expect([await after(-1, 1), await after(3 * day, 1), await after(day, 1)]).toEqual([["segment"], ["segment"], ["merged"]]);
});

test.each(["merged", "inline"])(
  "[D11] [I5] a partition at rest is due at segment.ms with what is %s, also in the leader's next life, and then never",
  async (way) => {
    const subject = await new MergeSubject().create();
    subject.nowMs = 1_700_000_000_000;
    await subject.coordinator.createPartitions([at(0)], { ...createTime, segmentMs: day });
    for (let left = 3; left > 0; left--) await subject.produce([at(0)], way === "inline" ? "inline" : "object");
    await subject.mergeAll();
    expect(kinds(subject)).toEqual([way]);
    const dueMs = subject.coordinator.cell.mergeDueMs(subject.nowMs)!;
    expect(Math.abs(dueMs - subject.nowMs - day)).toBeLessThanOrEqual(1);
    subject.coordinator.takeSnapshot();
    subject.restart();
    expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBe(dueMs);
    const before = await subject.read();
    subject.nowMs = dueMs - 2;
    expect(subject.claim()).toBeUndefined();
    // The batches' times differ by one.
    subject.nowMs = dueMs + 1;
    expect(await subject.mergeAll()).toBe(1);
    subject.coordinator.takeSnapshot();
    expect(kinds(subject)).toEqual(["segment"]);
    expect(await subject.read()).toEqual(before);
    for (const _ of [1, 2]) {
      expect(subject.coordinator.cell.mergeDueMs(subject.nowMs) ?? Infinity).toBe(Infinity);
      subject.restart();
      expect(await subject.read()).toEqual(before);
    }
  },
);

test("[D11] records may say old times: they end in one small segment an hour, not in one a merge", async () => {
  const subject = await new MergeSubject().create();
  await subject.coordinator.createPartitions([at(0)], { ...createTime, segmentMs: 7 * day });
  subject.nowMs = 1_800_000_000_000;
  const segments = (): number =>
    new Set(
      subject
        .extents(at(0))
        .filter(({ key }) => key.startsWith("segment/"))
        .map(({ key }) => key),
    ).size;
  const minutes = 150;
  for (let minute = 0; minute < minutes; minute++) {
    await subject.produce([at(0)], minute % 3 === 0 ? "inline" : "object", 200);
    await subject.mergeAll();
    subject.nowMs += 60_000;
  }
  expect(segments()).toBe(3);
  const dueMs = subject.coordinator.cell.mergeDueMs(subject.nowMs)!;
  expect(dueMs - subject.nowMs).toBeGreaterThan(0);
  expect(dueMs - subject.nowMs).toBeLessThanOrEqual(hour);
  subject.nowMs = dueMs;
  await subject.mergeAll();
  expect([segments(), kinds(subject)]).toEqual([4, ["segment"]]);
});

test("[D11] [I5] a segment is never larger than a small segment.bytes, whatever came in one flush; one larger batch stays in its object", async () => {
  const segmentBytes = 1_000_000;
  const subject = await new MergeSubject().create(segmentBytes);
  for (let round = 0; round < 4; round++) {
    await subject.produceMany(
      at(0),
      Array.from({ length: 30 }, (_, index) => 20_000 + (((round * 30 + index) * 7919) % 90_000)),
    );
    await subject.mergeAll();
  }
  const before = await subject.read();
  await subject.produceMany(at(0), [1_500_000, 100_000]);
  const after = await subject.read();
  await subject.mergeAll();
  expect(await subject.read()).toEqual(after);
  expect(after).not.toEqual(before);
  const segments = [...new Set(subject.extents(at(0)).map(({ key }) => key))].filter((key) => key.startsWith("segment/"));
  expect(segments.length).toBeGreaterThan(4);
  const sizes = await Promise.all(segments.map(async (key) => (await subject.store.get(key))!.length));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(segmentBytes);
  // Two or three of them to a flush of 1.6 MB, none to a batch.
  expect(sizes.reduce((sum, size) => sum + size, 0) / sizes.length).toBeGreaterThan(segmentBytes / 3);
  expect(
    subject
      .extents(at(0))
      .filter(({ byteLength }) => byteLength > segmentBytes)
      .map(({ key }) => key.split("/")[0]),
  ).toEqual(["merged"]);
});

interface TooLarge {
  readonly title: string;
  readonly befalls: (subject: MergeSubject, claim: MergeClaim) => Promise<void> | void;
}

const tooLarge: readonly TooLarge[] = [
  {
    title: "is given back",
    befalls: (subject, { number }) => subject.coordinator.releaseMerge({ number, damaged: [], isSlow: true }),
  },
  {
    title: "runs out, as the platform ended its merger,",
    // The leader's alarm gives it up before the next merger asks.
    befalls: (subject) => {
      subject.nowMs = subject.coordinator.cell.strayClaim.strayDueMs(subject.nowMs)!;
      subject.coordinator.abandonClaimNow();
    },
  },
];

test.each(tooLarge)(
  "[D11] a merge that takes too long $title, and the next is smaller until one is done in its time; then they grow again",
  async ({ befalls }) => {
    const subject = await new MergeSubject().create();
    const objects = 48;
    for (let count = 0; count < objects; count++) await subject.produce([at(0)], "object", 1_000_000);
    const before = await subject.read();
    const sizeOf = (inputs: readonly { readonly byteLength: number }[]): number =>
      inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // Twelve minutes are enough for six megabytes.
    const doneBytes = 6_000_000;
    const tried: number[] = [];
    const done: number[] = [];
    for (let claim = subject.claim(); claim !== undefined; claim = subject.claim()) {
      const bytes = sizeOf(claim.inputs);
      const isSlow = bytes > doneBytes;
      tried.push(bytes);
      if (isSlow) await befalls(subject, claim);
      else {
        await subject.write(claim);
        expect(subject.coordinator.commitMergeNow(claim.number).kind).toBe("committed");
        done.push(bytes);
      }
      expect(tried.length).toBeLessThan(200);
    }
    expect(Math.max(...tried)).toBeGreaterThan(doneBytes);
    expect(Math.max(...done)).toBeLessThanOrEqual(doneBytes);
    expect(subject.extents(at(0)).some(({ key }) => key.startsWith("wal/"))).toBe(false);
    expect(await subject.read()).toEqual(before);
    // At most every second one was for nothing, but for the first few.
    expect(tried.length).toBeLessThanOrEqual(2 * done.length + 6);
  },
);

test("[D11] nothing is begun, and nothing goes on, so late that the alarm's time would end it", () => {
  const time = new WorkingTime(1000);
  const minutes = [0, 4, 5, 11, 12, 14];
  expect(minutes.map((minute) => time.mayBegin(1000 + minute * 60_000))).toEqual([true, true, false, false, false, false]);
  expect(minutes.map((minute) => time.isOver(1000 + minute * 60_000))).toEqual([false, false, false, false, true, true]);
  expect(new TooSlow().message).toContain("too long");
});

test("[D11] a backlog of ever so many tiny objects is merged, although the platform lets a call ask the store ten thousand times", async () => {
  const subject = await new MergeSubject().create();
  const objects = 12_000;
  for (let count = 0; count < objects; count++) await subject.produce([at(count % 2)], "object");
  const { byteLength } = subject.coordinator.cell;
  let calls = 0;
  let most = 0;
  for (let isDone = false; !isDone; calls++) {
    const time = new WorkingTime(0);
    const store = new CountedObjectStore(subject.store, () => (most = Math.max(most, ++operations)));
    let operations = 0;
    // As a merger does.
    while (time.mayBegin(0)) {
      const claim = subject.claim();
      isDone = claim === undefined;
      if (claim === undefined) break;
      try {
        await writeMerged(claim, store, kernel, async (_byteLength, gets) => time.goOn(0, gets));
        subject.coordinator.commitMergeNow(claim.number);
      } catch (error) {
        expect(error).toBeInstanceOf(TooSlow);
        await subject.coordinator.releaseMerge({ number: claim.number, damaged: [], isSlow: true });
      }
    }
    expect(calls).toBeLessThan(20);
  }
  expect(most).toBeLessThan(10_000);
  expect(most).toBeGreaterThan(2000);
  expect(subject.extents(at(0)).some(({ key }) => key.startsWith("wal/"))).toBe(false);
  expect(subject.coordinator.cell.byteLength).toBe(byteLength);
});

test("[D11] merging comes to its end where segment.bytes keeps extents from growing, compacted partitions that wait included", async () => {
  for (const cleanupPolicy of ["delete", "compact"] as const) {
    for (const [segmentBytes, valueBytes] of [
      [1_048_576, 600_000],
      [5000, 6000],
      [5000, 3000],
    ] as const) {
      const subject = await new MergeSubject().create();
      const settings = { ...createTime, segmentBytes, cleanupPolicy, minCompactionLagMs: 2 ** 51 };
      await subject.coordinator.createPartitions([at(0)], settings);
      for (let count = 0; count < 40; count++) await subject.produce([at(0)], "object", valueBytes);
      const before = await subject.read();
      let merges = 0;
      for (let claim = subject.claim(); claim !== undefined && merges < 100; claim = subject.claim(), merges++) {
        await subject.write(claim);
        subject.coordinator.commitMergeNow(claim.number);
      }
      expect(merges, `${cleanupPolicy} ${segmentBytes} ${valueBytes}`).toBeLessThan(100);
      expect(await subject.read()).toEqual(before);
    }
  }
});
