/**
 * What a broker without a cache takes to answer from segments, by offset and by time: few GETs, whatever the answer is cut out of. Segments are real
 * ones, made by a cell and its merger; only the leader is played.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { Driver, readOf } from "./driver.ts";
import { at, MergeSubject } from "../cell/merge-subject.ts";
import type { Extent } from "../../../core/coordinator.ts";
import { isSegmentKey } from "../../../core/wal/key.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { firstRecordAtOrAfter } from "../../../worker/handlers/record-sets.ts";

const getsMax = 2;
const ref = at(0);
const cell = 3;
/** Flushes that are larger than what is got at once, and small ones between them: an extent is never smaller than a flush. */
const flushes = Array.from({ length: 6 }, (_, index) =>
  Array.from({ length: index % 2 === 0 ? 10 : 3 }, (_unused, batch) => (index % 2 === 0 ? 840_000 : 60_000) + 1000 * batch),
);
const sizes = flushes.flat();

function keyOf({ source }: Extent): string {
  return source.kind === "object" ? source.key : "inline";
}

/** Answers the GETs it took until nothing is left to be answered. */
function countGets(driver: Driver): number {
  let gets = 0;
  while (driver.pending.length > 0) {
    gets += driver.pending[0]!.kind === "get" ? 1 : 0;
    driver.answer(driver.pending[0]!);
  }
  return gets;
}

describe.each([
  ["large", 16 * 1024 * 1024],
  ["small", 1024 * 1024],
])("[I8] a cold read of a partition that is in %s segments", (_size, segmentBytes) => {
  let subject: MergeSubject;
  let extents: readonly Extent[];
  /** Of what is in segments: a rest waits for more. */
  let end: number;
  /** With the objects, and with where each extent lies. */
  let bucket: Driver;

  beforeAll(async () => {
    subject = await new MergeSubject().create(segmentBytes);
    for (const flush of flushes) await subject.produceMany(ref, flush);
    await subject.mergeAll();
    const [found] = subject.coordinator.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1e12 }]).results;
    extents = found!.extents.filter((extent) => isSegmentKey(keyOf(extent)));
    end = extents.at(-1)!.nextOffset;
    bucket = new Driver();
    const log = bucket.leader(cell).log(ref.topicId, ref.partition);
    log.extents.push(...extents);
    log.highWatermark = end;
    for (const key of new Set(extents.map(keyOf))) bucket.objects.set(key, (await subject.store.get(key))!);
  });

  /** A broker that has read nothing yet. */
  const coldBroker = (): Driver => new Driver({}, 1, bucket);

  test("most of the partition is in several segments", () => {
    expect(new Set(extents.map(keyOf)).size).toBeGreaterThan(1);
    expect(end).toBeGreaterThan(sizes.length / 2);
  });

  test.each([1, 1024 * 1024, 8 * 1024 * 1024])("takes two GETs at most by offset, for up to %i bytes from anywhere", (maxBytes) => {
    let most = 0;
    for (let offset = 0; offset < end; offset += 1) {
      const driver = coldBroker();
      const id = driver.fetch(readOf(offset, { ...ref, cell, maxBytes }));
      const gets = countGets(driver);
      expect(gets, `from ${offset}`).toBeLessThanOrEqual(getsMax);
      most = Math.max(most, gets);
      const { records } = driver.read.get(id)![0]!;
      expect(kernel.batches(records[0]!)[0]!.baseOffset).toBe(offset);
    }
    expect(most).toBe(maxBytes === 1 ? 1 : getsMax);
  });

  test("takes two GETs at most by time, also where the log begins in the middle of an extent", async () => {
    for (let start = 0; start < end; start += 7) {
      await subject.coordinator.deleteRecords([{ ...ref, beforeOffset: start }]);
      for (let index = 0; index < end; index += 4) {
        const timestamp = 1_700_000_000_000 + index + 1;
        const spec = { kind: "timestamp" as const, timestamp };
        const [answer] = await subject.coordinator.listOffsets([{ ...ref, spec }]);
        expect(answer!.extents.length).toBeLessThanOrEqual(getsMax);
        const driver = coldBroker();
        let gets = 0;
        let found: number | undefined;
        for (const [id, extent] of answer!.extents.entries()) {
          if (found !== undefined) break;
          driver.handle({ kind: "read-extent", id, extent });
          gets += countGets(driver);
          found = (await firstRecordAtOrAfter(driver.extents.get(id)!.bytes!, timestamp, start))?.offset;
        }
        expect(gets, `${index} from ${start}`).toBeLessThanOrEqual(getsMax);
        expect(found).toBe(Math.max(start, index));
      }
    }
  });
});
