/**
 * Judges a commit without changing anything: which batches get offsets, which are duplicates, which are refused. The verdicts become
 * the journal entry; applying the entry is what changes the state, live and at every replay alike (D6, I7).
 */
import type { BatchCoordinates, CommitEntry, CommitRequest } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { CellState } from "./cell-state.ts";
import { CommitEntryWriter, type Continuation } from "./commit-entry.ts";
import { entryKind } from "./entry-kind.ts";
import { PackedWriter } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import { ProducerTable } from "./producer-table.ts";
import { isTransactional, judgeSequence, nextSequence, noteAppend, type SequenceVerdict } from "./producers.ts";

const unknownPartition: SequenceVerdict = { kind: "refused", errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
const invalidRecord: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_RECORD };
const invalidTimestamp: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_TIMESTAMP };
const noTransaction: SequenceVerdict = { kind: "refused", errorCode: errorCodes.INVALID_TXN_STATE };
const nothingKnown: Continuation = { expected: false, opens: 0 };
const goesOn: Continuation = { expected: true, opens: 0 };
/** Room for differences of two such numbers in a safe integer. */
const numberMax = 2 ** 51;

/** `appends`: at least one batch gets offsets. */
export function commitEntry(
  state: CellState,
  request: CommitRequest,
  /** Of each entry. */
  logs: readonly (PartitionLog | undefined)[],
  nowMs: number,
  producerExpirationMs: number,
): { readonly entry: Uint8Array; readonly appends: boolean } {
  let batchCount = 0;
  let transactional = false;
  for (const { batches } of request.entries) {
    batchCount += batches.length;
    transactional ||= batches.some(isTransactional);
  }
  const out = new PackedWriter(64 + batchCount * 12);
  out.uint(transactional ? entryKind.transactionalCommit : entryKind.commit);
  const newExpirationMs = state.newExpirationMs(producerExpirationMs);
  const writer = new CommitEntryWriter(out, request, { nowMs, newExpirationMs, batchCount });
  let appends = false;
  for (const [index, entry] of request.entries.entries()) {
    if (writeEntry(writer, logs[index], entry, nowMs, producerExpirationMs)) appends = true;
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
  let judged: ProducerTable | undefined;
  let byteStart = entry.byteStart;
  let nextOffset = log?.nextOffset ?? -1;
  for (let index = 0; index < batches.length; index++) {
    const batch = batches[index]!;
    let producers = log?.producers ?? nobody;
    let row = -1;
    if (log !== undefined && batch.producerId >= 0) {
      const again = judged?.rowOf(batch.producerId) ?? -1;
      if (judged !== undefined && again >= 0) producers = judged;
      row = again >= 0 ? again : log.producerRow(batch.producerId, nowMs, expirationMs);
    }
    const verdict = log === undefined ? unknownPartition : (unwritable(batch) ?? judgeSequence(producers, row, batch));
    let continuation = nothingKnown;
    if (verdict.kind === "append") {
      if (batch.producerId >= 0) {
        continuation = continuationOf(producers, row, batch);
        if (index + 1 < batches.length) {
          judged ??= new ProducerTable();
          const copy = producers === judged || row < 0 ? row : judged.copy(producers, row);
          const noted = noteAppend(judged, copy, batch, nextOffset, nowMs);
          if (continuation.opens !== 0) judged.openTransaction(noted, continuation.opens, nextOffset);
        }
      }
      nextOffset += batch.offsetCount;
      appends = true;
    }
    const written = verdict.kind === "refused" ? withoutClaims(batch, nowMs) : batch;
    writer.batch(log?.id ?? -1, index === 0, byteStart, index + 1 < batches.length, written, verdict, continuation);
    byteStart += batch.size;
  }
  return appends;
}

const nobody = new ProducerTable();

/** What of an appended batch the entry need not say. */
function continuationOf(producers: ProducerTable, row: number, batch: BatchCoordinates): Continuation {
  const expected =
    row >= 0 &&
    producers.batchCount(row) > 0 &&
    producers.epoch(row) === batch.producerEpoch &&
    batch.baseSequence === nextSequence(producers, row);
  if (!isTransactional(batch) || (row >= 0 && producers.openGeneration(row) > 0)) return expected ? goesOn : nothingKnown;
  return { expected, opens: batch.transactionGeneration ?? 0 };
}

/** A client may write any 64 bits into these fields. What the journal cannot spell is refused here, or the cell would die of its row [I9]. */
function unwritable(batch: BatchCoordinates): SequenceVerdict | undefined {
  const { producerId, producerEpoch, baseSequence, maxTimestamp } = batch;
  if (!(Math.abs(maxTimestamp) <= numberMax)) return invalidTimestamp;
  // Nobody would ever end a transaction that no coordinator has counted.
  if (isTransactional(batch) && !(producerId >= 0 && isGeneration(batch.transactionGeneration))) return noTransaction;
  if (producerId < 0) return undefined;
  return producerId <= numberMax && producerEpoch >= 0 && baseSequence >= 0 ? undefined : invalidRecord;
}

function isGeneration(value: number | undefined): boolean {
  return value !== undefined && Number.isSafeInteger(value) && value > 0;
}

/** A refused batch changes nothing, so all that is kept of it is its place. */
function withoutClaims({ size, offsetCount }: BatchCoordinates, nowMs: number): BatchCoordinates {
  return { size, offsetCount, attributes: 0, maxTimestamp: nowMs, producerId: -1, producerEpoch: -1, baseSequence: -1 };
}
