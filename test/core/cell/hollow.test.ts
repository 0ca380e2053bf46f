/** Merged objects of which half is read no more: they are found whenever that came about, and by a leader that starts again too. */
import { expect, test } from "vitest";
import { at, MergeSubject } from "./merge-subject.ts";

/** Two partitions in one merged object, most of which goes, before or after its merge is committed. */
async function thinned(when: "before the commit" | "after the commit"): Promise<MergeSubject> {
  const subject = await new MergeSubject({ "merge.hollow.bytes": 1 }).create();
  for (let count = 0; count < 3; count++) await subject.produce([at(0), at(1)], "object", 1000 * (count + 1));
  const claim = subject.claim()!;
  await subject.write(claim);
  const deleteFirst = async () => await subject.coordinator.deleteRecords([{ ...at(0), beforeOffset: -1 }]);
  if (when === "before the commit") await deleteFirst();
  expect(subject.coordinator.commitMergeNow(claim.number).kind).toBe("committed");
  if (when === "after the commit") await deleteFirst();
  // So that less than half is left of it.
  await subject.coordinator.deleteRecords([{ ...at(1), beforeOffset: 1 }]);
  return subject;
}

test.each(["before the commit", "after the commit"] as const)(
  "[D11] what went %s of a merge makes its object hollow, and what is left is written anew, once",
  async (when) => {
    for (const restarts of [false, true]) {
      const subject = await thinned(when);
      const before = await subject.read();
      const keys = new Set(subject.extents(at(1)).map(({ key }) => key));
      if (restarts) {
        subject.coordinator.takeSnapshot();
        subject.restart();
      }
      subject.nowMs = subject.coordinator.cell.mergeDueMs(subject.nowMs) ?? subject.nowMs;
      expect(await subject.mergeAll()).toBe(1);
      expect(subject.extents(at(1)).some(({ key }) => keys.has(key))).toBe(false);
      expect(await subject.read()).toEqual(before);
      expect(await subject.mergeAll()).toBe(0);
    }
  },
);
