/**
 * Records that wait to be sent, by partition, as batches in order. A batch is closed when it is full, or when the sender takes it: while
 * requests are on their way records gather, and nobody waits when none are. It counts the bytes that are held.
 */
import type { Header } from "../records/record.ts";
import { Batch, isBehind } from "./batch.ts";
import type { Delivery } from "./delivery.ts";

export interface AccumulatorOptions {
  readonly batchBytes: number;
  readonly codec: number;
  readonly isTransactional: boolean;
}

export interface EncodedRecord {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
  /** What it takes at most in a batch. */
  readonly sizeMax: number;
}

export interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Oldest first. Only the last can be open. */
  readonly batches: Batch[];
  lastBatchBytes: number;
}

/** Before a batch has been seen to grow. */
const firstBatchBytes = 4096;
/** Large buffers cost more to get than to fill: those of delivered batches are used again. */
const keptBytesMin = 64 * 1024;
const keptBuffersMax = 8;

export class Accumulator {
  /** By topic, then partition. */
  readonly #queues = new Map<string, PartitionQueue[]>();
  readonly #options: AccumulatorOptions;
  /** Those whose queue is not empty. */
  readonly busy = new Set<PartitionQueue>();
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  constructor(options: AccumulatorOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(topic: string, partition: number, record: EncodedRecord, delivery: Delivery, index: number, nowMs: number): void {
    const queue = this.queueOf(topic, partition);
    const size = record.sizeMax;
    let batch = queue.batches.at(-1);
    if (batch === undefined || !batch.isOpen || (batch.byteLength + size > this.#options.batchBytes && batch.recordCount > 0)) {
      const { codec, isTransactional, batchBytes } = this.#options;
      const sizeExpected = Math.min(batchBytes, Math.max(size + 61, queue.lastBatchBytes));
      const usedBuffer = sizeExpected < keptBytesMin ? undefined : this.#kept.pop();
      batch = new Batch({ topic, partition, createdMs: nowMs, codec, isTransactional, sizeExpected, usedBuffer });
      queue.batches.push(batch);
      this.busy.add(queue);
    }
    batch.append(delivery, index, record.timestamp, record.key, record.value, record.headers);
    batch.heldBytes += size;
    this.#bytes += size;
  }

  queueOf(topic: string, partition: number): PartitionQueue {
    let ofTopic = this.#queues.get(topic);
    if (ofTopic === undefined) {
      ofTopic = [];
      this.#queues.set(topic, ofTopic);
    }
    return (ofTopic[partition] ??= { topic, partition, batches: [], lastBatchBytes: firstBatchBytes });
  }

  /** Whether a record would not fit into the batch that is open: it may as well go to another partition then. */
  isFullFor(topic: string, partition: number, { sizeMax }: EncodedRecord): boolean {
    const batch = this.queueOf(topic, partition).batches.at(-1);
    return batch?.isOpen === true && batch.byteLength + sizeMax > this.#options.batchBytes;
  }

  /** In front of what was never sent, in order of sequence. */
  putBack(batch: Batch): void {
    const queue = this.queueOf(batch.topic, batch.partition);
    let at = 0;
    while (at < queue.batches.length) {
      const other = queue.batches[at]!;
      if (other.attempts === 0 || (batch.baseSequence >= 0 && isBehind(other.baseSequence, batch.baseSequence))) break;
      at += 1;
    }
    queue.batches.splice(at, 0, batch);
    this.busy.add(queue);
  }

  /** In the place of one that was too large. */
  replaced(batch: Batch, by: readonly Batch[]): void {
    for (const half of by) {
      half.heldBytes = batch.heldBytes / by.length;
      half.attempts = batch.attempts;
    }
    for (const half of by) this.putBack(half);
  }

  /** Acknowledged. */
  delivered(batch: Batch): void {
    this.settled(batch);
    const { buffer } = batch;
    if (buffer !== undefined && buffer.byteLength >= keptBytesMin && this.#kept.length < keptBuffersMax) this.#kept.push(buffer);
  }

  /** Its senders have been told. */
  settled(batch: Batch): void {
    this.#bytes -= batch.heldBytes;
    batch.heldBytes = 0;
  }

  /** Everything that is waiting to be sent. */
  takeAll(): Batch[] {
    this.busy.clear();
    return [...this.#queues.values()].flat().flatMap((queue) => queue.batches.splice(0));
  }
}
