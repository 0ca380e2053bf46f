/**
 * What administrators ask of a partition: how large it is, and which producers its leader remembers. Counts what is referred to, not
 * what the object store holds.
 */
import type { PartitionDescription, PartitionRef } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";
import { nextSequence } from "./producers.ts";

export function describePartitions(state: CellState, partitions: readonly PartitionRef[]): PartitionDescription[] {
  return partitions.map((ref) => {
    const log = state.find(ref);
    if (log === undefined) return { ...ref, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, byteLength: 0, producers: [] };
    return { ...ref, errorCode: errorCodes.NONE, byteLength: log.extents.byteLength, producers: producersOf(log) };
  });
}

function producersOf({ producers }: PartitionLog): PartitionDescription["producers"] {
  return Array.from({ length: producers.count }, (_, row) => ({
    producerId: producers.producerId(row),
    producerEpoch: producers.epoch(row),
    lastSequence: producers.batchCount(row) === 0 ? -1 : (nextSequence(producers, row) + 2 ** 31 - 1) % 2 ** 31,
    lastTimestamp: producers.lastUsedMs(row),
    coordinatorEpoch: producers.coordinatorEpoch(row),
    transactionStartOffset: producers.openGeneration(row) > 0 ? producers.firstOffset(row) : -1,
    transactionGeneration: producers.openGeneration(row),
  }));
}
