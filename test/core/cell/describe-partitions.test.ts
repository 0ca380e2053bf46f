/**
 * What a leader tells administrators of its partitions: bytes between start and end, and the producers it remembers.
 */
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import type { BatchCoordinates } from "../../../core/coordinator.ts";

const topicId = "1f2e3d4c-0000-4000-8000-000000000001";
const ref = { topicId, partition: 0 };

function batch(given: Partial<BatchCoordinates>): BatchCoordinates {
  return {
    size: 100,
    offsetCount: 10,
    attributes: 0,
    maxTimestamp: 5,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    ...given,
  };
}

async function commit(coordinator: MemoryCoordinator, number: number, ...batches: BatchCoordinates[]): Promise<void> {
  const byteLength = batches.reduce((sum, { size }) => sum + size, 0);
  const reply = await coordinator.commit({
    brokerId: 0,
    brokerEpoch: 1,
    number,
    source: { kind: "object", sequence: number, byteLength },
    entries: [{ ...ref, byteStart: 0, batches }],
  });
  expect(reply.kind).toBe("committed");
}

test("a partition is as large as the batches that are left of it", async () => {
  const coordinator = new MemoryCoordinator();
  await coordinator.createPartitions([ref], { timestampType: "CreateTime" });
  await commit(coordinator, 1, batch({ size: 100 }));
  await commit(coordinator, 2, batch({ size: 30 }));
  expect(await coordinator.describePartitions([ref])).toMatchObject([{ errorCode: 0, byteLength: 130, producers: [] }]);
  await coordinator.deleteRecords([{ ...ref, beforeOffset: 10 }]);
  expect(await coordinator.describePartitions([ref])).toMatchObject([{ byteLength: 30 }]);
  expect(await coordinator.describePartitions([{ ...ref, partition: 9 }])).toMatchObject([{ errorCode: 3 }]);
});

test("a producer's last sequence is that of its last record, the wrap included", async () => {
  const coordinator = new MemoryCoordinator();
  await coordinator.createPartitions([ref], { timestampType: "CreateTime" });
  const wrap = 2 ** 31 - 4;
  await commit(
    coordinator,
    1,
    batch({ producerId: 1, producerEpoch: 0, baseSequence: 0 }),
    batch({ producerId: 2, producerEpoch: 3, baseSequence: wrap }),
  );
  const [described] = await coordinator.describePartitions([ref]);
  expect(described!.producers).toMatchObject([
    { producerId: 1, producerEpoch: 0, lastSequence: 9 },
    { producerId: 2, producerEpoch: 3, lastSequence: 5 },
  ]);
});
