/**
 * Judges a commit without changing anything: which batches get offsets, which are duplicates, which are refused. The verdicts become
 * the journal entry; applying the entry is what changes the state, live and at every replay alike (D6, I7).
 */
import type { BatchCoordinates, CommitEntry, CommitRequest } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { CellState } from "./cell-state.ts";
import { CommitEntryWriter } from "./commit-entry.ts";
import { entryKind } from "./entry-kind.ts";
import { PackedWriter } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import { copyOf, judgeSequence, noteAppend, sequenceAfter, type ProducerState, type SequenceVerdict } from "./producers.ts";

const unknownPartition: SequenceVerdict = { kind: "refused", errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
const append: SequenceVerdict = { kind: "append" };

export function commitEntry(state: CellState, request: CommitRequest, nowMs: number, producerExpirationMs: number): Uint8Array {
  let batchCount = 0;
  for (const entry of request.entries) batchCount += entry.batches.length;
  const out = new PackedWriter(64 + batchCount * 12);
  out.uint(entryKind.commit);
  const writer = new CommitEntryWriter(out, request, nowMs, batchCount);
  for (const entry of request.entries) writeEntry(writer, state.find(entry), entry, nowMs, producerExpirationMs);
  return out.finish();
}

function writeEntry(
  writer: CommitEntryWriter,
  log: PartitionLog | undefined,
  entry: CommitEntry,
  nowMs: number,
  expirationMs: number,
): void {
  const { batches } = entry;
  // Only within one commit can a batch depend on one that is judged but not applied.
  const judged = batches.length > 1 ? new Map<number, ProducerState>() : undefined;
  let byteStart = entry.byteStart;
  let nextOffset = log?.nextOffset ?? -1;
  for (let index = 0; index < batches.length; index++) {
    const batch = batches[index]!;
    const producer =
      log === undefined || batch.producerId < 0 ? undefined : currentProducer(log, batch, judged, nowMs, expirationMs);
    const verdict = log === undefined ? unknownPartition : batch.producerId < 0 ? append : judgeSequence(producer, batch);
    const expected = verdict.kind === "append" && continues(producer, batch);
    if (judged !== undefined && verdict.kind === "append" && batch.producerId >= 0) {
      judged.set(batch.producerId, noteAppend(copyOf(producer), batch, nextOffset, nowMs));
    }
    if (verdict.kind === "append") nextOffset += batch.offsetCount;
    writer.batch(log?.id ?? -1, index === 0, byteStart, index + 1 < batches.length, batch, verdict, expected);
    byteStart += batch.size;
  }
}

function currentProducer(
  log: PartitionLog,
  batch: BatchCoordinates,
  judged: ReadonlyMap<number, ProducerState> | undefined,
  nowMs: number,
  expirationMs: number,
): ProducerState | undefined {
  return judged?.get(batch.producerId) ?? log.producer(batch.producerId, nowMs, expirationMs);
}

/** The sequence follows from the state, so the entry need not say it. */
function continues(producer: ProducerState | undefined, batch: BatchCoordinates): boolean {
  const last = producer?.batches.at(-1);
  return last !== undefined && producer?.epoch === batch.producerEpoch && batch.baseSequence === sequenceAfter(last);
}
