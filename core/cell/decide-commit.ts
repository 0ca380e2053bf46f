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
const invalidRecord: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_RECORD };
const invalidTimestamp: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_TIMESTAMP };
/** Room for differences of two such numbers in a safe integer. */
const numberMax = 2 ** 51;

/** `appends`: at least one batch gets offsets. */
export function commitEntry(
  state: CellState,
  request: CommitRequest,
  nowMs: number,
  producerExpirationMs: number,
): { readonly entry: Uint8Array; readonly appends: boolean } {
  let batchCount = 0;
  for (const entry of request.entries) batchCount += entry.batches.length;
  const out = new PackedWriter(64 + batchCount * 12);
  out.uint(entryKind.commit);
  const newExpirationMs = producerExpirationMs === state.producerExpirationMs ? undefined : producerExpirationMs;
  const writer = new CommitEntryWriter(out, request, { nowMs, newExpirationMs, batchCount });
  let appends = false;
  for (const entry of request.entries) {
    if (writeEntry(writer, state.find(entry), entry, nowMs, producerExpirationMs)) appends = true;
  }
  return { entry: out.finish(), appends };
}

function writeEntry(
  writer: CommitEntryWriter,
  log: PartitionLog | undefined,
  entry: CommitEntry,
  nowMs: number,
  expirationMs: number,
): boolean {
  const { batches } = entry;
  let appends = false;
  // Only within one commit can a batch depend on one that is judged but not applied.
  const judged = batches.length > 1 ? new Map<number, ProducerState>() : undefined;
  let byteStart = entry.byteStart;
  let nextOffset = log?.nextOffset ?? -1;
  for (let index = 0; index < batches.length; index++) {
    const batch = batches[index]!;
    const producer =
      log === undefined || batch.producerId < 0 ? undefined : currentProducer(log, batch, judged, nowMs, expirationMs);
    const verdict = log === undefined ? unknownPartition : (unwritable(batch) ?? judgeProducer(producer, batch));
    const expected = verdict.kind === "append" && continues(producer, batch);
    if (judged !== undefined && verdict.kind === "append" && batch.producerId >= 0) {
      judged.set(batch.producerId, noteAppend(copyOf(producer), batch, nextOffset, nowMs));
    }
    if (verdict.kind === "append") {
      nextOffset += batch.offsetCount;
      appends = true;
    }
    const written = verdict.kind === "refused" ? withoutClaims(batch, nowMs) : batch;
    writer.batch(log?.id ?? -1, index === 0, byteStart, index + 1 < batches.length, written, verdict, expected);
    byteStart += batch.size;
  }
  return appends;
}

/** A client may write any 64 bits into these fields. What the journal cannot spell is refused here, or the cell would die of its row [I9]. */
function unwritable({ producerId, producerEpoch, baseSequence, maxTimestamp }: BatchCoordinates): SequenceVerdict | undefined {
  if (!(Math.abs(maxTimestamp) <= numberMax)) return invalidTimestamp;
  if (producerId < 0) return undefined;
  return producerId <= numberMax && producerEpoch >= 0 && baseSequence >= 0 ? undefined : invalidRecord;
}

function judgeProducer(producer: ProducerState | undefined, batch: BatchCoordinates): SequenceVerdict {
  return batch.producerId < 0 ? append : judgeSequence(producer, batch);
}

/** A refused batch changes nothing, so all that is kept of it is its place. */
function withoutClaims({ size, offsetCount }: BatchCoordinates, nowMs: number): BatchCoordinates {
  return { size, offsetCount, attributes: 0, maxTimestamp: nowMs, producerId: -1, producerEpoch: -1, baseSequence: -1 };
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
