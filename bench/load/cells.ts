/** A leader's cell without its Durable Object, and commits to it as brokers send them: what the benches of leaders are made of. */
import { Cell, type JournalRow } from "../../core/cell/cell.ts";
import type { CommitRequest, PartitionRef } from "../../core/coordinator.ts";
import { settingDefaults } from "../../core/settings.ts";
import { type packCommit, packReply, unpackCommit } from "../../durable-objects/leader-wire.ts";

export const batchBytes = 4096;
export const topicId = "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55";

export function cellOf(partitionCount: number): Cell {
  const inlineRows = {
    read(): Uint8Array {
      throw new Error("nothing is inline here");
    },
  };
  const cell = new Cell({ cell: 0, settings: settingDefaults, inlineRows });
  const partitions: PartitionRef[] = Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
  const row = cell.decideCreatePartitions(partitions, { timestampType: "CreateTime" });
  if (row !== undefined) cell.applyRow(row, true);
  return cell;
}

export function commitOf(number: number, partitionCount: number, batchCount: number, idempotent: boolean): CommitRequest {
  const perPartition = batchCount / partitionCount;
  return {
    brokerId: 0,
    brokerEpoch: 1,
    number,
    source: { kind: "object", sequence: number, byteLength: batchCount * batchBytes },
    entries: Array.from({ length: partitionCount }, (_, partition) => ({
      topicId,
      partition,
      byteStart: partition * perPartition * batchBytes,
      batches: Array.from({ length: perPartition }, (_batch, index) => ({
        size: batchBytes,
        offsetCount: 10,
        attributes: 0,
        maxTimestamp: 1_800_000_000_000 + number,
        producerId: idempotent ? 1000 + (partition % 50) : -1,
        producerEpoch: idempotent ? 0 : -1,
        baseSequence: idempotent ? ((number - 1) * perPartition + index) * 10 : -1,
      })),
    })),
  };
}

/** The leader's part of a commit, but for the row. */
export function commit(cell: Cell, packed: ReturnType<typeof packCommit>): JournalRow {
  const decision = cell.decideCommit(unpackCommit(packed), 1_800_000_000_000);
  if (decision.kind !== "journal") throw new Error(`the commit was answered with ${decision.reply.kind}`);
  cell.applyRow(decision.row, true);
  const reply = cell.commitReply();
  if (reply.kind !== "committed" || reply.results.some(({ errorCode }) => errorCode !== 0)) throw new Error("a batch was refused");
  packReply(reply);
  return decision.row;
}
