/**
 * A commit as its journal row says it (D6), about nine bytes a batch: what the request carried and how each batch was judged, but no
 * offset, for those follow from the state. docs/formats/journal.md has the layout.
 */
import type { BatchCoordinates, CommitRequest } from "../coordinator.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";
import type { SequenceVerdict } from "./producers.ts";

/** What an entry says of one batch beyond its own coordinates. */
export type Judgement = SequenceVerdict;

const flag = {
  /** Bytes lie between this batch and the one before it. */
  gap: 1,
  idempotent: 2,
  /** Producer id and epoch are those of the batch before. */
  sameProducer: 4,
  /** The sequence is the one the state expects: not written. */
  expectedSequence: 8,
  duplicate: 16,
  refused: 32,
  /** The next batch is of the same partition. */
  more: 64,
  attributes: 128,
  /** The batch begins a transaction. */
  opens: 256,
} as const;

/** Of an appended batch, what follows from the state and need not be written, and what doesn't. */
export interface Continuation {
  /** The sequence is the one that the state expects. */
  readonly expected: boolean;
  /** Of the transaction that the batch begins; 0 when it begins none. */
  readonly opens: number;
}

/** What an entry says of a commit beyond the request. */
export interface CommitFacts {
  readonly nowMs: number;
  /** producer.id.expiration.ms, where it differs from the one the state was last judged by. */
  readonly newExpirationMs: number | undefined;
  readonly batchCount: number;
}

export class CommitEntryWriter {
  readonly #out: PackedWriter;
  readonly #nowMs: number;
  #partitionId = 0;
  #position = 0;
  #producerId = 0;
  #producerEpoch = 0;

  constructor(out: PackedWriter, request: CommitRequest, { nowMs, newExpirationMs, batchCount }: CommitFacts) {
    this.#out = out;
    this.#nowMs = nowMs;
    const { source } = request;
    out.uint(nowMs);
    out.uint(newExpirationMs === undefined ? 0 : newExpirationMs + 1);
    out.uint(request.brokerId);
    out.uint(request.brokerEpoch);
    out.uint(request.number);
    out.uint(source.kind === "object" ? source.sequence + 1 : 0);
    out.uint(source.kind === "object" ? source.byteLength : source.records.length);
    out.uint(batchCount);
  }

  batch(
    partitionId: number,
    firstOfPartition: boolean,
    byteStart: number,
    more: boolean,
    batch: BatchCoordinates,
    judgement: Judgement,
    { expected, opens }: Continuation,
  ): void {
    const out = this.#out;
    const idempotent = batch.producerId >= 0;
    const sameProducer = idempotent && batch.producerId === this.#producerId && batch.producerEpoch === this.#producerEpoch;
    const gap = byteStart - this.#position;
    const flags =
      (gap === 0 ? 0 : flag.gap) |
      (idempotent ? flag.idempotent : 0) |
      (sameProducer ? flag.sameProducer : 0) |
      (expected ? flag.expectedSequence : 0) |
      (judgement.kind === "duplicate" ? flag.duplicate : 0) |
      (judgement.kind === "refused" ? flag.refused : 0) |
      (more ? flag.more : 0) |
      (batch.attributes === 0 ? 0 : flag.attributes) |
      (opens === 0 ? 0 : flag.opens);
    out.uint(flags);
    if (firstOfPartition) {
      out.int(partitionId - this.#partitionId);
      this.#partitionId = partitionId;
    }
    if (gap !== 0) out.int(gap);
    this.#position = byteStart + batch.size;
    out.uint(batch.size);
    out.uint(batch.offsetCount);
    out.int(batch.maxTimestamp - this.#nowMs);
    if (batch.attributes !== 0) out.uint(batch.attributes & 0xffff);
    if (idempotent) this.#producer(batch, sameProducer, expected);
    if (opens !== 0) out.uint(opens);
    if (judgement.kind === "duplicate") out.uint(judgement.baseOffset);
    if (judgement.kind === "refused") out.uint(judgement.errorCode);
  }

  #producer(batch: BatchCoordinates, same: boolean, expected: boolean): void {
    if (!same) {
      this.#out.int(batch.producerId - this.#producerId);
      this.#out.int(batch.producerEpoch - this.#producerEpoch);
      this.#producerId = batch.producerId;
      this.#producerEpoch = batch.producerEpoch;
    }
    if (!expected) this.#out.uint(batch.baseSequence);
  }
}

export interface CommitHead extends CommitFacts {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly number: number;
  /** The object's sequence, -1 for inline. */
  readonly sequence: number;
  readonly byteLength: number;
}

export function readCommitHead(reader: PackedReader): CommitHead {
  const nowMs = reader.uint();
  const expiration = reader.uint();
  const newExpirationMs = expiration === 0 ? undefined : expiration - 1;
  const brokerId = reader.uint();
  const brokerEpoch = reader.uint();
  const number = reader.uint();
  const sequence = reader.uint() - 1;
  const byteLength = reader.uint();
  return { nowMs, newExpirationMs, brokerId, brokerEpoch, number, sequence, byteLength, batchCount: reader.uint() };
}

/** One batch, read in place: the reader reuses this object, so that a commit of thousands makes no garbage. */
export class CommitEntryReader {
  readonly #reader: PackedReader;
  readonly #nowMs: number;
  partitionId = 0;
  byteStart = 0;
  size = 0;
  offsetCount = 0;
  maxTimestamp = 0;
  attributes = 0;
  producerId = -1;
  producerEpoch = -1;
  /** -1: the one the state expects. */
  baseSequence = -1;
  /** Of the transaction that the batch begins; 0: it begins none. */
  transactionGeneration = 0;
  judgement: "append" | "duplicate" | "refused" = "append";
  duplicateOffset = -1;
  errorCode = 0;
  more = false;
  #position = 0;
  #lastProducerId = 0;
  #lastProducerEpoch = 0;
  #firstOfPartition = true;

  constructor(reader: PackedReader, nowMs: number) {
    this.#reader = reader;
    this.#nowMs = nowMs;
  }

  next(): void {
    const reader = this.#reader;
    const flags = reader.uint();
    if (this.#firstOfPartition) this.partitionId += reader.int();
    this.byteStart = this.#position + ((flags & flag.gap) !== 0 ? reader.int() : 0);
    this.size = reader.uint();
    this.#position = this.byteStart + this.size;
    this.offsetCount = reader.uint();
    this.maxTimestamp = this.#nowMs + reader.int();
    this.attributes = (flags & flag.attributes) !== 0 ? reader.uint() : 0;
    this.producerId = -1;
    this.producerEpoch = -1;
    this.baseSequence = -1;
    if ((flags & flag.idempotent) !== 0) this.#producer(flags);
    this.transactionGeneration = (flags & flag.opens) !== 0 ? reader.uint() : 0;
    this.judgement = (flags & flag.duplicate) !== 0 ? "duplicate" : (flags & flag.refused) !== 0 ? "refused" : "append";
    this.duplicateOffset = (flags & flag.duplicate) !== 0 ? reader.uint() : -1;
    this.errorCode = (flags & flag.refused) !== 0 ? reader.uint() : 0;
    this.more = (flags & flag.more) !== 0;
    this.#firstOfPartition = !this.more;
  }

  #producer(flags: number): void {
    const reader = this.#reader;
    if ((flags & flag.sameProducer) === 0) {
      this.#lastProducerId += reader.int();
      this.#lastProducerEpoch += reader.int();
    }
    this.producerId = this.#lastProducerId;
    this.producerEpoch = this.#lastProducerEpoch;
    if ((flags & flag.expectedSequence) === 0) this.baseSequence = reader.uint();
  }
}
