/**
 * Records of one partition that travel together: open while they are gathered, then sealed (compressed, perhaps later), then stamped
 * with a sequence for an attempt, and at the end each record's sender is told. What it costs in memory is known until then.
 */
import { compress } from "../../kernel/compress.ts";
import { attributeMask, readBatchHeader } from "../../kernel/batch-layout.ts";
import { BatchWriter, stampBatch } from "../records/batch-writer.ts";
import { RecordCursor, openBatch } from "../records/batch-reader.ts";
import { type Header, partitionKey } from "../records/record.ts";
import type { Delivery } from "./delivery.ts";

export interface Identity {
  readonly producerId: number;
  readonly epoch: number;
}

export interface BatchOptions {
  readonly topic: string;
  readonly partition: number;
  readonly createdMs: number;
  readonly codec: number;
  readonly isTransactional: boolean;
  readonly sizeExpected: number;
  /** Of a batch that has been delivered. */
  readonly usedBuffer?: Uint8Array<ArrayBuffer>;
}

/** Neighbours that were handed over together: of one call, with one timestamp. */
interface Run {
  readonly delivery: Delivery;
  readonly firstIndex: number;
  readonly timestamp: number;
  count: number;
}

export class Batch {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly createdMs: number;
  readonly codec: number;
  readonly #isTransactional: boolean;
  #writer: BatchWriter | undefined;
  readonly #runs: Run[] = [];
  #lastRun: Run | undefined;
  #recordCount = 0;
  #sealed: Uint8Array | undefined;
  readonly #options: BatchOptions;
  /** What the producer's memory is charged for it. */
  heldBytes = 0;
  attempts = 0;
  /** Undefined: no sequence yet. */
  identity: Identity | undefined;
  baseSequence = -1;
  /** The sequence is not the one it was first sent with. */
  isRenumbered = false;
  /** The answer to an attempt was lost. */
  isUncertain = false;
  notBeforeMs = 0;
  lastError: Error | undefined;

  constructor(options: BatchOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.partition = options.partition;
    this.key = partitionKey(options.topic, options.partition);
    this.createdMs = options.createdMs;
    this.codec = options.codec;
    this.#isTransactional = options.isTransactional;
    this.#writer = new BatchWriter(options.sizeExpected, options.usedBuffer);
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  get isOpen(): boolean {
    return this.#writer !== undefined;
  }

  get isSealed(): boolean {
    return this.#sealed !== undefined;
  }

  get byteLength(): number {
    return this.#sealed?.byteLength ?? this.#writer?.byteLength ?? 0;
  }

  append(
    delivery: Delivery,
    index: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[],
  ): void {
    this.#writer!.append(timestamp, key, value, headers);
    this.#recordCount += 1;
    const run = this.#lastRun;
    if (run !== undefined && run.delivery === delivery && run.firstIndex + run.count === index && run.timestamp === timestamp)
      run.count += 1;
    else {
      this.#lastRun = { delivery, firstIndex: index, timestamp, count: 1 };
      this.#runs.push(this.#lastRun);
    }
  }

  /** Takes no more records. Undefined when it is sealed at once, else settles when it is. */
  seal(): Promise<void> | undefined {
    const writer = this.#writer!;
    this.#writer = undefined;
    if (this.codec === 0) {
      this.#sealed = writer.seal(undefined);
      return undefined;
    }
    return compress(this.codec, writer.body).then((compressed) => {
      this.#sealed = writer.seal(compressed);
    });
  }

  /** The bytes to send, with what is known of sequence and producer now. */
  stamped(): Uint8Array {
    const sealed = this.#sealed!;
    stampBatch(sealed, {
      codec: this.codec,
      isTransactional: this.#isTransactional,
      producerId: this.identity?.producerId ?? -1,
      producerEpoch: this.identity?.epoch ?? -1,
      baseSequence: this.baseSequence,
    });
    return sealed;
  }

  succeeded(baseOffset: number, logAppendTime: number): void {
    let offset = baseOffset;
    for (const { delivery, firstIndex, timestamp, count } of this.#runs) {
      delivery.succeeded(firstIndex, count, {
        topic: this.topic,
        partition: this.partition,
        offset: offset < 0 ? -1 : offset,
        timestamp: logAppendTime >= 0 ? logAppendTime : timestamp,
      });
      if (offset >= 0) offset += count;
    }
  }

  /** To be written over, once the broker has answered: nobody reads it any more. Compressed batches have none of their own. */
  get buffer(): Uint8Array<ArrayBuffer> | undefined {
    return this.codec === 0 && this.#sealed !== undefined ? new Uint8Array(this.#sealed.buffer as ArrayBuffer) : undefined;
  }

  failed(error: Error): void {
    for (const { delivery, count } of this.#runs) delivery.failed(count, error);
  }

  /** Two batches of half the records each, sealed, for a broker that takes no batch so large. The sequences are shared out. */
  async split(): Promise<readonly Batch[]> {
    const sealed = this.#sealed!;
    const header = readBatchHeader(new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength), 0);
    const body = await openBatch({ header: { ...header, attributes: header.attributes & attributeMask.codec }, bytes: sealed });
    const cursor = new RecordCursor(header, body);
    const firstCount = Math.ceil(this.recordCount / 2);
    const owners = this.#runs.flatMap(({ delivery, firstIndex, timestamp, count }) =>
      Array.from({ length: count }, (_, index) => [delivery, firstIndex + index, timestamp] as const),
    );
    const halves: Batch[] = [];
    for (const [from, to] of [[0, firstCount] as const, [firstCount, this.recordCount] as const]) {
      const half = new Batch({ ...this.#options, sizeExpected: Math.ceil(body.byteLength / 2), usedBuffer: undefined });
      for (let index = from; index < to; index++) {
        cursor.next();
        half.append(...owners[index]!, cursor.key, cursor.value, cursor.headers());
      }
      half.identity = this.identity;
      half.isUncertain = this.isUncertain;
      half.baseSequence = this.baseSequence < 0 ? -1 : addSequence(this.baseSequence, from);
      await half.seal();
      halves.push(half);
    }
    return halves;
  }
}

const sequences = 2 ** 31;

/** Sequences begin again at 0 behind 2^31 − 1. */
export function addSequence(sequence: number, count: number): number {
  return (((sequence + count) % sequences) + sequences) % sequences;
}

/** Within half of the numbers, so that it holds where they begin again. */
export function isBehind(sequence: number, other: number): boolean {
  const distance = addSequence(sequence, -other);
  return distance > 0 && distance < sequences / 2;
}
