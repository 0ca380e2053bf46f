/**
 * A client may write any number into a batch header. Whatever arrives at a leader gets an answer for that batch alone: a journal row
 * that cannot be read back would end the cell for good.
 */
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import type { BatchCoordinates, CommitReply } from "../../../core/coordinator.ts";
import { errorCodes } from "../../../protocol/errors.ts";

const ref = { topicId: "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f", partition: 0 };
const nowMs = 1_700_000_000_000;
const plain: BatchCoordinates = {
  size: 100,
  offsetCount: 1,
  attributes: 0,
  maxTimestamp: nowMs,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
};
const idempotent = { ...plain, producerId: 7, producerEpoch: 0, baseSequence: 0 };

const cases: readonly (readonly [what: string, batch: BatchCoordinates, errorCode: number])[] = [
  ["producer id 2^53 + 2", { ...idempotent, producerId: 2 ** 53 + 2 }, errorCodes.INVALID_RECORD],
  ["producer id 2^63", { ...idempotent, producerId: 2 ** 63 }, errorCodes.INVALID_RECORD],
  ["producer id 2^50", { ...idempotent, producerId: 2 ** 50 }, errorCodes.NONE],
  ["no producer at all, far below zero", { ...plain, producerId: -(2 ** 63) }, errorCodes.NONE],
  ["time 2^63", { ...plain, maxTimestamp: 2 ** 63 }, errorCodes.INVALID_TIMESTAMP],
  ["time -2^63", { ...plain, maxTimestamp: -(2 ** 63) }, errorCodes.INVALID_TIMESTAMP],
  ["time that is no number", { ...plain, maxTimestamp: Number.NaN }, errorCodes.INVALID_TIMESTAMP],
  ["no time", { ...plain, maxTimestamp: -1 }, errorCodes.NONE],
  ["a time before the epoch", { ...plain, maxTimestamp: -(2 ** 45) }, errorCodes.NONE],
  ["a producer without a sequence", { ...idempotent, baseSequence: -1 }, errorCodes.INVALID_RECORD],
  ["a producer without an epoch", { ...idempotent, producerEpoch: -1 }, errorCodes.INVALID_RECORD],
  ["every attribute, transactional without a producer", { ...plain, attributes: -1 }, errorCodes.INVALID_TXN_STATE],
  ["every attribute", { ...idempotent, attributes: -1, transactionGeneration: 1 }, errorCodes.NONE],
  ["a transaction that no coordinator counted", { ...idempotent, attributes: 16 }, errorCodes.INVALID_TXN_STATE],
  ["transaction 0", { ...idempotent, attributes: 16, transactionGeneration: 0 }, errorCodes.INVALID_TXN_STATE],
  ["half a transaction", { ...idempotent, attributes: 16, transactionGeneration: 1.5 }, errorCodes.INVALID_TXN_STATE],
  ["transaction 2^53", { ...idempotent, attributes: 16, transactionGeneration: 2 ** 53 }, errorCodes.INVALID_TXN_STATE],
  ["the last transaction", { ...idempotent, attributes: 16, transactionGeneration: 2 ** 53 - 1 }, errorCodes.NONE],
  ["the most offsets", { ...plain, offsetCount: 2 ** 31 - 1 }, errorCodes.NONE],
];

async function commit(coordinator: MemoryCoordinator, number: number, batches: readonly BatchCoordinates[]): Promise<CommitReply> {
  const source = { kind: "object", sequence: number, byteLength: 100_000 } as const;
  return await coordinator.commit({
    brokerId: 0,
    brokerEpoch: 1,
    number,
    source,
    entries: [{ ...ref, byteStart: 0, batches }],
  });
}

test.each(cases)("[I9] %s is answered, its neighbours are committed, and the leader starts again", async (_, batch, errorCode) => {
  const first = new MemoryCoordinator({ now: () => nowMs });
  await first.createPartitions([ref], { timestampType: "CreateTime" });
  const reply = await commit(first, 1, [plain, batch, plain]);
  if (reply.kind !== "committed") throw new Error(reply.kind);
  expect(reply.results.map((result) => result.errorCode)).toEqual([0, errorCode, 0]);

  const restarted = new MemoryCoordinator({ rows: first.rows, now: () => nowMs });
  expect(await commit(restarted, 1, [plain, batch, plain])).toEqual(reply);
  restarted.takeSnapshot();
  const again = new MemoryCoordinator({ rows: restarted.rows, now: () => nowMs });
  expect(again.cell.snapshot()).toEqual(first.cell.snapshot());
  expect(again.cell.findBatches([{ ...ref, offset: 0, maxBytes: 1e6 }]).results[0]!.bounds.highWatermark).toBe(
    2 + (errorCode === 0 ? batch.offsetCount : 0),
  );
});
