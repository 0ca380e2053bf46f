/**
 * Offsets that are part of open transactions: kept beside the committed ones until the transaction's coordinator says how it ended,
 * one row for what a request brings and one for the end. The number of the last ended transaction of each producer is remembered for
 * a day, so that an offset that was under way for too long cannot stay behind as part of a transaction that nobody will end.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { TopicId } from "../coordinator.ts";
import type { TransactionEnd } from "../transaction/events.ts";
import { type ByteReader, ByteWriter } from "./bytes.ts";
import { type CommittedTopics, readCommittedTopics, writeCommittedTopics } from "./committed-topics.ts";
import { transactionalOffsetsKind, transactionsEndedKind } from "./entries.ts";
import type { OffsetKeys } from "./offsets.ts";
import type { TransactionalOffsetCommitRequest } from "./requests.ts";

/** As leaders remember producers. */
const endedMemoryMs = 86_400_000;

/** One partition's, with the topic it belongs to. */
interface Pending {
  readonly topics: CommittedTopics;
  readonly commitTimestamp: number;
}

interface Open {
  readonly producerEpoch: number;
  readonly generation: number;
  /** By topic id and partition: a later one takes the place of the one before. */
  readonly pending: Map<string, Pending>;
}

interface Ended {
  readonly producerId: number;
  readonly generation: number;
  readonly commit: boolean;
  readonly endedMs: number;
}

/** What becomes committed by the end of a transaction. */
export type OnCommitted = (topics: CommittedTopics, commitTimestamp: number) => void;

type Producer = Pick<TransactionalOffsetCommitRequest, "producerId" | "producerEpoch" | "transactionGeneration">;

export class TransactionalOffsets {
  readonly #open = new Map<number, Open>();
  /** By producer id, the oldest first. */
  readonly #ended = new Map<number, Ended>();

  /** No transaction is open. */
  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Until when something must be remembered of transactions that have ended; undefined when there is nothing. */
  get remembersUntilMs(): number | undefined {
    let last: number | undefined;
    for (const { endedMs } of this.#ended.values()) last = endedMs + endedMemoryMs;
    return last;
  }

  isUnstable(topicId: TopicId, partition: number): boolean {
    const key = keyOf(topicId, partition);
    for (const { pending } of this.#open.values()) if (pending.has(key)) return true;
    return false;
  }

  /** Of which partitions open transactions have offsets. */
  keys(): readonly OffsetKeys[] {
    const partitionsOf = new Map<TopicId, Set<number>>();
    for (const { pending } of this.#open.values()) {
      for (const { topics } of pending.values()) {
        for (const { topicId, partitions } of topics) {
          const known = partitionsOf.get(topicId) ?? new Set();
          partitionsOf.set(topicId, known);
          for (const { partition } of partitions) known.add(partition);
        }
      }
    }
    return Array.from(partitionsOf, ([topicId, partitions]) => ({ topicId, partitions: [...partitions] }));
  }

  /** Whether the transaction may still bring offsets. */
  check({ producerId, producerEpoch, transactionGeneration }: Producer): number {
    const open = this.#open.get(producerId);
    if (open !== undefined && producerEpoch < open.producerEpoch) return errorCodes.INVALID_PRODUCER_EPOCH;
    const ended = this.#ended.get(producerId)?.generation ?? 0;
    return transactionGeneration <= Math.max(ended, open === undefined ? 0 : open.generation - 1)
      ? errorCodes.INVALID_TXN_STATE
      : errorCodes.NONE;
  }

  add(producer: Producer, topics: CommittedTopics, now: number): Uint8Array {
    const { producerId, producerEpoch, transactionGeneration } = producer;
    this.#add(producer, topics, now);
    const writer = new ByteWriter().int(transactionalOffsetsKind);
    return writeCommittedTopics(topics, writer.int(producerId).int(producerEpoch).int(transactionGeneration).int(now)).finish();
  }

  #add(
    { producerId, producerEpoch, transactionGeneration: generation }: Producer,
    topics: CommittedTopics,
    commitTimestamp: number,
  ) {
    const known = this.#open.get(producerId);
    const pending = known?.generation === generation ? known.pending : new Map<string, Pending>();
    for (const topic of topics) {
      for (const partition of topic.partitions) {
        const alone = [{ ...topic, partitions: [partition] }];
        pending.set(keyOf(topic.topicId, partition.partition), { topics: alone, commitTimestamp });
      }
    }
    this.#open.set(producerId, { producerEpoch, generation, pending });
  }

  /** Undefined when this end was heard before. */
  end({ producerId, generation, commit }: TransactionEnd, now: number, onCommitted: OnCommitted): Uint8Array | undefined {
    if (generation <= (this.#ended.get(producerId)?.generation ?? 0)) return undefined;
    this.#forgetOld(now);
    this.#end({ producerId, generation, commit, endedMs: now }, onCommitted);
    return endedEntry([this.#ended.get(producerId)!]);
  }

  #end(ended: Ended, onCommitted: OnCommitted): void {
    const { producerId, generation } = ended;
    const open = this.#open.get(producerId);
    if (open !== undefined && open.generation <= generation) {
      this.#open.delete(producerId);
      const isThis = open.generation === generation;
      if (ended.commit && isThis)
        for (const { topics, commitTimestamp } of open.pending.values()) onCommitted(topics, commitTimestamp);
    }
    this.#ended.delete(producerId);
    this.#ended.set(producerId, ended);
  }

  /** The group is deleted: what is left is only the memory of what has ended, as a row. What is open still comes to its end here. */
  clear(now: number): Uint8Array | undefined {
    this.#open.clear();
    this.#forgetOld(now);
    return this.#ended.size === 0 ? undefined : endedEntry([...this.#ended.values()]);
  }

  /** Offsets were deleted; the transactions that brought them are open still. */
  drop(keys: readonly OffsetKeys[]): void {
    for (const { topicId, partitions } of keys) {
      for (const { pending } of this.#open.values()) {
        for (const partition of partitions) pending.delete(keyOf(topicId, partition));
      }
    }
  }

  #forgetOld(now: number): void {
    for (const [producerId, { endedMs }] of this.#ended) {
      if (endedMs + endedMemoryMs > now) break;
      this.#ended.delete(producerId);
    }
  }

  readAdded(reader: ByteReader): void {
    const producer = { producerId: reader.int(), producerEpoch: reader.int(), transactionGeneration: reader.int() };
    const commitTimestamp = reader.int();
    this.#add(producer, readCommittedTopics(reader), commitTimestamp);
  }

  readEnded(reader: ByteReader, onCommitted: OnCommitted): void {
    for (const ended of readEnded(reader)) this.#end(ended, onCommitted);
  }

  write(writer: ByteWriter): void {
    writer.list(this.#open, this.#open.size, ([producerId, { producerEpoch, generation, pending }]) => {
      writer.int(producerId).int(producerEpoch).int(generation);
      writer.list(pending.values(), pending.size, ({ topics, commitTimestamp }) =>
        writeCommittedTopics(topics, writer.int(commitTimestamp)),
      );
    });
    writeEnded([...this.#ended.values()], writer);
  }

  read(reader: ByteReader): void {
    reader.list(() => {
      const producer = { producerId: reader.int(), producerEpoch: reader.int(), transactionGeneration: reader.int() };
      reader.list(() => {
        const commitTimestamp = reader.int();
        this.#add(producer, readCommittedTopics(reader), commitTimestamp);
      });
    });
    for (const ended of readEnded(reader)) this.#ended.set(ended.producerId, ended);
  }
}

function keyOf(topicId: TopicId, partition: number): string {
  return `${topicId}/${partition}`;
}

function endedEntry(ended: readonly Ended[]): Uint8Array {
  const writer = new ByteWriter().int(transactionsEndedKind);
  writeEnded(ended, writer);
  return writer.finish();
}

function writeEnded(ended: readonly Ended[], writer: ByteWriter): void {
  writer.list(ended, ended.length, ({ producerId, generation, commit, endedMs }) =>
    writer
      .int(producerId)
      .int(generation)
      .int(commit ? 1 : 0)
      .int(endedMs),
  );
}

function readEnded(reader: ByteReader): readonly Ended[] {
  return reader.list(() => ({
    producerId: reader.int(),
    generation: reader.int(),
    commit: reader.int() === 1,
    endedMs: reader.int(),
  }));
}
