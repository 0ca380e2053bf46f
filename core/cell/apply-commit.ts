/**
 * Carries a commit entry out: offsets, extents, producers, the broker's chain. Takes nothing but the state and the entry, so a replay
 * after a crash ends in the state that gave the first answer.
 */
import { OperatingError } from "../operating-error.ts";
import { AppendedExtents, type Applied } from "./applied.ts";
import { keepAnswer, type BrokerChain, type KeptAnswer } from "./broker-chains.ts";
import type { CellState } from "./cell-state.ts";
import { CommitEntryReader, readCommitHead, type CommitHead } from "./commit-entry.ts";
import type { PackedReader } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";
import { extentLimit } from "./partition-settings.ts";
import { isTransactional, nextSequence, noteAppend } from "./producers.ts";
import type { Source } from "./sources.ts";

interface OpenExtent {
  log: PartitionLog;
  baseOffset: number;
  byteStart: number;
  byteEnd: number;
  maxTimestamp: number;
}

export interface AppliedCommit extends Applied {
  readonly answer: KeptAnswer;
}

export function applyCommit(state: CellState, reader: PackedReader, sequence: number): AppliedCommit {
  const head = readCommitHead(reader);
  state.producerExpirationMs = head.newExpirationMs ?? state.producerExpirationMs;
  const batch = new CommitEntryReader(reader, head.nowMs);
  const answer = emptyAnswer(head, sequence);
  const appended = new AppendedExtents(head.batchCount);
  const sourceId = state.sources.nextId;
  let open: OpenExtent | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { log, baseOffset, byteStart, byteEnd, maxTimestamp } = open;
    log.extents.append(baseOffset, byteStart, byteEnd - byteStart, sourceId, maxTimestamp);
    appended.add(log, baseOffset, byteStart, byteEnd - byteStart, maxTimestamp);
    open = undefined;
  };
  for (let index = 0; index < head.batchCount; index++) {
    batch.next();
    const log = state.partitions.get(batch.partitionId);
    answer.logStartOffsets[index] = log?.logStartOffset ?? -1;
    answer.leaderEpochs[index] = log?.leaderEpoch ?? -1;
    if (batch.judgement === "append") {
      if (log === undefined) throw new OperatingError("corrupt", `row ${sequence} appends to a partition that is not there`);
      if (open !== undefined && (open.log !== log || open.byteEnd !== batch.byteStart || isFull(open, batch.size))) close();
      const baseOffset = log.nextOffset;
      open ??= { log, baseOffset, byteStart: batch.byteStart, byteEnd: batch.byteStart, maxTimestamp: batch.maxTimestamp };
      log.nextOffset += batch.offsetCount;
      log.noteBatch(baseOffset, batch.maxTimestamp, head.nowMs);
      state.noteForSegment(log, batch.maxTimestamp);
      open.byteEnd += batch.size;
      open.maxTimestamp = Math.max(open.maxTimestamp, batch.maxTimestamp);
      if (batch.producerId >= 0) noteProducer(log, batch, baseOffset, head.nowMs, state.producerExpirationMs);
      answer.baseOffsets[index] = baseOffset;
    } else {
      close();
      answer.errorCodes[index] = batch.errorCode;
      answer.baseOffsets[index] = batch.duplicateOffset;
      answer.duplicates[index] = batch.judgement === "duplicate" ? 1 : 0;
    }
  }
  close();
  const source = sourceOf(head, sequence);
  if (appended.count > 0) state.sources.add(source, appended.count, appended.byteLength);
  if (source.kind === "inline") state.noteInlineExtents(sequence, appended);
  keepAnswer(chainOf(state, head), answer);
  state.sweepProducers(head.nowMs);
  return { answer, source, appended: appended.finish() };
}

/** A segment is made of whole extents, and is not to be larger than segment.bytes. */
function isFull({ log, byteStart, byteEnd }: OpenExtent, size: number): boolean {
  return byteEnd > byteStart && byteEnd - byteStart + size > extentLimit(log.settings);
}

function emptyAnswer(head: CommitHead, sequence: number): KeptAnswer {
  const { number, batchCount } = head;
  return {
    number,
    cursor: sequence,
    errorCodes: new Int16Array(batchCount),
    baseOffsets: new Float64Array(batchCount),
    logStartOffsets: new Float64Array(batchCount),
    leaderEpochs: new Int32Array(batchCount),
    duplicates: new Uint8Array(batchCount),
  };
}

function sourceOf({ brokerId, brokerEpoch, sequence, byteLength, nowMs }: CommitHead, row: number): Source {
  return sequence < 0 ? { kind: "inline", row, byteLength } : { kind: "object", brokerId, brokerEpoch, sequence, atMs: nowMs };
}

function chainOf(state: CellState, head: CommitHead): BrokerChain {
  const known = state.brokers.get(head.brokerId);
  if (known?.brokerEpoch === head.brokerEpoch) return known;
  const chain = { brokerEpoch: head.brokerEpoch, lastNumber: 0, answers: [] };
  state.brokers.set(head.brokerId, chain);
  return chain;
}

function noteProducer(log: PartitionLog, batch: CommitEntryReader, baseOffset: number, nowMs: number, expirationMs: number): void {
  const { producers } = log;
  const known = log.producerRow(batch.producerId, nowMs, expirationMs);
  if (batch.baseSequence < 0) {
    if (known < 0) throw new OperatingError("corrupt", "a journal row goes on with a producer that is not there");
    batch.baseSequence = nextSequence(producers, known);
  }
  const row = noteAppend(producers, known, batch, baseOffset, nowMs);
  if (batch.transactionGeneration > 0) log.openTransaction(row, batch.transactionGeneration, baseOffset);
  else if (isTransactional(batch) && producers.openGeneration(row) === 0) {
    throw new OperatingError("corrupt", "a journal row goes on with a transaction that is not open");
  }
}
