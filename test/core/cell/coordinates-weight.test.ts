/** What coordinates cost in the shape that costs most: one batch of each of a thousand partitions in every object, idempotent producers. */
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import { Chain, createTime, plain, short } from "../../contract/commits.ts";

const partitionCount = 1000;
const commits = 60;

test("[D6] an extent takes at most 12 bytes of the journal and 24 of memory", async () => {
  let nowMs = 1_700_000_000_000;
  const coordinator = new MemoryCoordinator({ now: () => nowMs });
  const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";
  const refs = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  const chain = new Chain(3, 17);
  const next = Array.from({ length: partitionCount }, () => 0);
  let journalBytes = 0;
  await coordinator.createPartitions(refs, createTime);
  for (let commit = 0; commit < commits; commit++) {
    nowMs += 250;
    const parts = refs.map((ref) => {
      const { partition } = ref;
      const size = 3000 + ((partition * 37 + commit * 101) % 3000);
      const offsetCount = 1 + ((partition + commit) % 30);
      const producer = { producerId: 4000 + (partition % 100), producerEpoch: 0, baseSequence: next[partition]! };
      next[partition]! += offsetCount;
      return [ref, [plain(offsetCount, { size, maxTimestamp: nowMs - ((partition * 13) % 250), ...producer })]] as const;
    });
    expect(short(await coordinator.commit(chain.object(parts)))).not.toContain("e");
    // The first commits write every sequence down; what counts is what goes on for ever.
    if (commit >= 1) journalBytes += coordinator.rows.journal.get(coordinator.cell.cursor)!.entry.length;
  }
  expect(coordinator.cell.extentCount).toBe(partitionCount * commits);
  expect(journalBytes / (partitionCount * (commits - 1))).toBeLessThanOrEqual(12);
  expect(coordinator.cell.extentMemoryBytes / coordinator.cell.extentCount).toBeLessThanOrEqual(24);
});
