/**
 * The producer as its user sees it: `send` turns records into bytes, finds their partition and gives back a promise of where they went.
 * Records of a topic keep the order in which they were handed over, also while metadata or memory is waited for.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { unlessAborted } from "../clock.ts";
import { type CloseOptions, asyncDispose, dispose } from "../dispose.ts";
import {
  ArgumentError,
  BrokerError,
  FencedError,
  KafkaError,
  SerializationError,
  StateError,
  TransactionAbortedError,
  asError,
} from "../errors.ts";
import type { Header, ProducerRecord, RecordMetadata, TopicPartitionOffset } from "../records/record.ts";
import { recordSizeMax } from "../records/batch-writer.ts";
import { type Bytes, type Serializer, anyBytes, encodeText } from "../serializers.ts";
import type { Cluster } from "../wire/cluster.ts";
import type { TopicInfo } from "../wire/metadata.ts";
import { Accumulator, type EncodedRecord } from "./accumulator.ts";
import { Delivery } from "./delivery.ts";
import { type ProducerOptions, type SendOptions, checkProducerOptions, codecs } from "./options.ts";
import { type Partitioner, StickyPartitions, defaultPartitioner } from "./partitioner.ts";
import { Sender } from "./sender.ts";
import { Sequences } from "./sequences.ts";
import { type GroupMetadata, Transactions } from "./transactions.ts";

interface PendingSend<Key, Value> {
  readonly records: readonly ProducerRecord<Key, Value>[];
  readonly delivery: Delivery;
  /** Records before it are in batches already. */
  next: number;
}

const noHeaders: readonly Header[] = [];
/** What brokers take at most in one request, unless they are told otherwise. Who has them told says it by `bufferBytes`. */
const requestBytesUsual = 32 * 1024 * 1024;

export class Producer<Key = Bytes, Value = Bytes> {
  readonly #cluster: Cluster;
  readonly #onEnd: () => void;
  readonly #keySerializer: Serializer<Key>;
  readonly #valueSerializer: Serializer<Value>;
  readonly #partitioner: Partitioner;
  readonly #sticky: StickyPartitions;
  readonly #bufferBytes: number;
  readonly #accumulator: Accumulator;
  readonly #sequences: Sequences | undefined;
  readonly #transactions: Transactions | undefined;
  readonly #sender: Sender;
  /** Calls that wait for metadata or memory, in order, by topic. */
  readonly #pending = new Map<string, PendingSend<Key, Value>[]>();
  readonly #finding = new Set<string>();
  readonly #unsettled = new Set<Delivery>();
  #whenReady: Promise<void> | undefined;
  #becomeReady: (() => void) | undefined;
  #closed: Error | undefined;

  constructor(cluster: Cluster, options: ProducerOptions<Key, Value>, onEnd: () => void) {
    checkProducerOptions(options);
    this.#onEnd = onEnd;
    this.#cluster = cluster;
    this.#keySerializer = options.key ?? (anyBytes as unknown as Serializer<Key>);
    this.#valueSerializer = options.value ?? (anyBytes as unknown as Serializer<Value>);
    this.#partitioner = options.partitioner ?? defaultPartitioner;
    this.#sticky = new StickyPartitions(() => cluster.clock.random());
    this.#bufferBytes = options.bufferBytes ?? 32 * 1024 * 1024;
    const { transactionalId, acks = "all" } = options;
    const isTransactional = transactionalId !== undefined;
    const isIdempotent = options.idempotent ?? (isTransactional || acks === "all");
    if (isIdempotent && acks !== "all") throw new ArgumentError("an idempotent producer needs acks: all");
    if (isTransactional && !isIdempotent) throw new ArgumentError("a transactional producer is always idempotent");
    const inFlightMax = options.inFlight ?? 5;
    if (!Number.isInteger(inFlightMax) || inFlightMax < 1 || (isIdempotent && inFlightMax > 5))
      throw new ArgumentError("inFlight must be from 1 to 5");
    const codec = codecs.indexOf(options.compression ?? "none");
    if (codec < 0) throw new ArgumentError(`no compression is called ${options.compression}`);
    this.#accumulator = new Accumulator({ batchBytes: options.batchBytes ?? 1020 * 1024, codec, isTransactional });
    this.#sequences = isIdempotent ? new Sequences(isTransactional) : undefined;
    if (isTransactional) {
      this.#transactions = new Transactions({
        cluster,
        transactionalId,
        timeoutMs: options.transactionTimeoutMs ?? 60_000,
        sequences: this.#sequences!,
        wake: () => this.#sender.wake(),
      });
    }
    this.#sender = new Sender({
      cluster,
      accumulator: this.#accumulator,
      sequences: this.#sequences,
      transaction: this.#transactions,
      acks: acks === "all" ? -1 : acks,
      lingerMs: options.lingerMs ?? 0,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
      requestBytesMax: options.requestBytes ?? 1024 * 1024,
      inFlightMax,
      obtainIdentity: async () => await this.#obtainIdentity(),
      onSent: ({ topic, partition }) => this.#sticky.left(topic, partition),
      onSettled: () => this.#pump(),
    });
  }

  /** Resolved while there is room for more records; pending when so much is buffered that `send` would wait. */
  get ready(): Promise<void> {
    if (this.#hasRoom) return Promise.resolve();
    this.#whenReady ??= new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    return this.#whenReady;
  }

  /** Bytes of records that were not acknowledged yet. */
  get bufferedBytes(): number {
    return this.#accumulator.bytes;
  }

  /** Resolves when the record (or every record of the list) is acknowledged, with where each went. */
  send(topic: string, record: ProducerRecord<Key, Value>, options?: SendOptions): Promise<RecordMetadata>;
  send(topic: string, records: readonly ProducerRecord<Key, Value>[], options?: SendOptions): Promise<RecordMetadata[]>;
  send(
    topic: string,
    given: ProducerRecord<Key, Value> | readonly ProducerRecord<Key, Value>[],
    { signal }: SendOptions = {},
  ): Promise<RecordMetadata | RecordMetadata[]> {
    const isList = Array.isArray(given);
    const records = (isList ? given : [given]) as readonly ProducerRecord<Key, Value>[];
    if (typeof topic !== "string") return Promise.reject(new ArgumentError(`a topic has a name, not ${String(topic)}`));
    const refusal = this.#closed ?? this.#transactions?.refusal ?? (signal?.aborted === true ? asError(signal.reason) : undefined);
    if (refusal !== undefined) return Promise.reject(refusal);
    const delivery = new Delivery(records.length);
    this.#unsettled.add(delivery);
    const settled = (): void => void this.#unsettled.delete(delivery);
    delivery.done.then(settled, settled);
    this.#take(topic, { records, delivery, next: 0 });
    const done = unlessAborted(delivery.done, signal);
    return isList ? done : done.then((results) => results[0]!);
  }

  /** Resolves when everything handed over before has been acknowledged or has failed; failures are told by `send`. */
  async flush(options: SendOptions = {}): Promise<void> {
    const unsettled = [...this.#unsettled].map(async ({ done }) => await done);
    await this.#sender.flushing(async () => {
      await unlessAborted(Promise.allSettled(unsettled), options.signal);
    });
  }

  /** Opens a transaction; it is aborted when it is disposed of without a commit. */
  async beginTransaction({ signal }: SendOptions = {}): Promise<Transaction<Key, Value>> {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#transactions === undefined) throw new StateError("transactions need the option transactionalId");
    await this.#transactions.begin(signal);
    return new Transaction(this, this.#transactions, async () => await this.#dropUnsent());
  }

  /** Commits what `work` sends, or aborts it when `work` fails or the signal is aborted before it is done. */
  async transaction<Result>(
    work: (transaction: Transaction<Key, Value>) => Promise<Result>,
    { signal }: SendOptions = {},
  ): Promise<Result> {
    const transaction = await this.beginTransaction({ signal });
    let result;
    try {
      result = await unlessAborted(work(transaction), signal);
    } catch (error) {
      // The reason to abort is what the caller must hear, whatever becomes of the abort.
      await transaction.abort().catch(() => {});
      throw error;
    }
    await transaction.commit();
    return result;
  }

  /** Delivers what was handed over, then ends. An open transaction is left to its timeout. */
  async close({ signal }: CloseOptions = {}): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = new StateError("the producer was closed");
    // Who ends the waiting wants what is left to fail, and hears of it from `send`.
    await this.flush({ signal }).catch(() => {});
    this[dispose]();
  }

  /** Ends at once: what was not acknowledged fails. */
  [dispose](): void {
    this.#closed ??= new StateError("the producer was closed");
    // Before memory is given back: they would be taken in to wait for a sender that has stopped.
    this.#giveUpPending(this.#closed);
    this.#sender.stop(this.#closed);
    this.#onEnd();
  }

  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  get #hasRoom(): boolean {
    return this.#accumulator.bytes < this.#bufferBytes;
  }

  #take(topic: string, send: PendingSend<Key, Value>): void {
    const waiting = this.#pending.get(topic);
    if (waiting !== undefined) {
      waiting.push(send);
      return;
    }
    const info = this.#cluster.peek(topic);
    if (info !== undefined && this.#append(info, send)) return;
    this.#pending.set(topic, [send]);
    if (info === undefined) void this.#find(topic);
  }

  /** What waits goes on in order, as far as memory lasts. */
  #pump(): void {
    if (!this.#hasRoom) return;
    this.#becomeReady?.();
    this.#whenReady = undefined;
    for (const [topic, waiting] of this.#pending) {
      const info = this.#cluster.peek(topic);
      if (info === undefined) {
        void this.#find(topic);
        continue;
      }
      while (waiting.length > 0 && this.#append(info, waiting[0]!)) waiting.shift();
      if (waiting.length === 0) this.#pending.delete(topic);
    }
  }

  async #find(topic: string): Promise<void> {
    if (this.#finding.has(topic)) return;
    this.#finding.add(topic);
    try {
      await this.#cluster.topic(topic);
      this.#finding.delete(topic);
      this.#pump();
    } catch (error) {
      this.#finding.delete(topic);
      const waiting = this.#pending.get(topic) ?? [];
      this.#pending.delete(topic);
      for (const { delivery, records, next } of waiting) delivery.failed(records.length - next, asError(error));
    }
  }

  /** False when memory ran out before all were taken. */
  #append(info: TopicInfo, send: PendingSend<Key, Value>): boolean {
    const { records, delivery } = send;
    const nowMs = this.#cluster.clock.now();
    const timestamp = Date.now();
    while (send.next < records.length) {
      if (!this.#hasRoom) {
        this.#sender.wake();
        return false;
      }
      const index = send.next++;
      const record = records[index]!;
      try {
        const encoded = this.#encode(info.name, record, timestamp);
        const partition = this.#partitionOf(info, record, encoded);
        this.#accumulator.append(info.name, partition, encoded, delivery, index, nowMs);
      } catch (error) {
        delivery.failed(1, asError(error));
      }
    }
    this.#sender.wake();
    return true;
  }

  #encode(topic: string, record: ProducerRecord<Key, Value>, now: number): EncodedRecord {
    try {
      const { key = null, value, timestamp = now, headers } = record;
      const keyBytes = key === null ? null : bytesFor("key", this.#keySerializer.serialize(key, topic));
      const valueBytes =
        value === null || value === undefined ? null : bytesFor("value", this.#valueSerializer.serialize(value, topic));
      const listed = headers === undefined ? noHeaders : headerList(headers);
      const encoded = {
        timestamp: typeof timestamp === "number" ? timestamp : timestamp.getTime(),
        key: keyBytes,
        value: valueBytes,
        headers: listed,
        sizeMax: recordSizeMax(keyBytes, valueBytes, listed),
      };
      if (!Number.isSafeInteger(encoded.timestamp) || encoded.timestamp < 0)
        throw new TypeError(`${encoded.timestamp} is no timestamp`);
      return encoded;
    } catch (error) {
      throw new SerializationError(`a record for ${topic} cannot be serialized: ${asError(error).message}`, { cause: error });
    }
  }

  #partitionOf({ name, partitions }: TopicInfo, record: ProducerRecord<Key, Value>, encoded: EncodedRecord): number {
    const { key, sizeMax } = encoded;
    const sizeLimit = Math.max(this.#bufferBytes, requestBytesUsual);
    // No broker says so of a request that it does not even read: it ends the connection, for everybody who uses it.
    if (sizeMax > sizeLimit)
      throw new KafkaError(errorCodes.MESSAGE_TOO_LARGE, `a record for ${name} takes ${sizeMax} bytes: more than ${sizeLimit}`);
    const { length } = partitions;
    // Without a key the usual partitioner has nothing to say, and an object for each question costs more than the answer.
    const isSticky = key === null && this.#partitioner === defaultPartitioner;
    const chosen = record.partition ?? (isSticky ? undefined : this.#askPartitioner(name, key, length));
    if (chosen === undefined) {
      const sticky = this.#sticky.get(name, length);
      if (length === 1 || !this.#accumulator.isFullFor(name, sticky, encoded)) return sticky;
      this.#sticky.left(name, sticky);
      return this.#sticky.get(name, length);
    }
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= length)
      throw new ArgumentError(`${name} has no partition ${chosen}: it has ${length}`);
    return chosen;
  }

  #askPartitioner(topic: string, key: Uint8Array | null, partitionCount: number): number | undefined {
    try {
      return this.#partitioner({ topic, key, partitionCount });
    } catch (error) {
      throw new ArgumentError(`the partitioner failed for a record of ${topic}: ${asError(error).message}`, { cause: error });
    }
  }

  async #obtainIdentity(): Promise<void> {
    const sequences = this.#sequences!;
    const { identity } = sequences;
    if (this.#transactions !== undefined) throw this.#transactions.refusal ?? new StateError("the transaction has no producer id");
    const body = {
      transactionalId: null,
      transactionTimeoutMs: 0x7fffffff,
      producerId: BigInt(identity?.producerId ?? -1),
      producerEpoch: identity?.epoch ?? -1,
    };
    const check = ({ errorCode }: { errorCode: number }): void => {
      if (errorCode !== 0) throw new BrokerError(errorCode, "InitProducerId");
    };
    const answer = await this.#cluster.ask("any", initProducerId, body, check, { versionMax: 5 });
    sequences.assigned({ producerId: Number(answer.producerId), epoch: answer.producerEpoch });
  }

  /** What has found no room in a batch yet fails. */
  #giveUpPending(error: Error): void {
    for (const [topic, waiting] of this.#pending) {
      this.#pending.delete(topic);
      for (const { delivery, records, next } of waiting) delivery.failed(records.length - next, error);
    }
  }

  /** Of a transaction that is aborted: nothing more is sent, and what is on its way has ended. */
  async #dropUnsent(): Promise<void> {
    const error = new TransactionAbortedError("the transaction was aborted before the record was sent");
    this.#giveUpPending(error);
    this.#sender.giveUpWaiting(error);
    await this.#sender.settled();
    // Those that came back to be tried again.
    this.#sender.giveUpWaiting(error);
  }
}

/** One open transaction of a producer. */
export class Transaction<Key, Value> {
  readonly #producer: Producer<Key, Value>;
  readonly #transactions: Transactions;
  readonly #dropUnsent: () => Promise<void>;
  /** Everything sent and committed in it. */
  readonly #works: Promise<unknown>[] = [];
  #committing: Promise<void> | undefined;
  #hasEnded = false;

  constructor(producer: Producer<Key, Value>, transactions: Transactions, dropUnsent: () => Promise<void>) {
    this.#producer = producer;
    this.#transactions = transactions;
    this.#dropUnsent = dropUnsent;
  }

  send(topic: string, record: ProducerRecord<Key, Value>, options?: SendOptions): Promise<RecordMetadata>;
  send(topic: string, records: readonly ProducerRecord<Key, Value>[], options?: SendOptions): Promise<RecordMetadata[]>;
  send(
    topic: string,
    given: ProducerRecord<Key, Value> | readonly ProducerRecord<Key, Value>[],
    { signal }: SendOptions = {},
  ): Promise<unknown> {
    if (this.#hasEnded) return Promise.reject(new StateError("the transaction is over"));
    const sent = this.#producer.send(topic, given as ProducerRecord<Key, Value>);
    // A caller need not await each: the commit fails when one of them did.
    sent.catch(() => {});
    this.#works.push(sent);
    return unlessAborted(sent, signal);
  }

  /** Makes a consumer's progress part of the transaction: pass the consumer's `groupMetadata`, or a group's name. */
  async commitOffsets(
    offsets: readonly TopicPartitionOffset[],
    group: GroupMetadata | string,
    { signal }: SendOptions = {},
  ): Promise<void> {
    if (this.#hasEnded) throw new StateError("the transaction is over");
    const whole = typeof group === "string" ? { groupId: group, generationId: -1, memberId: "", groupInstanceId: null } : group;
    const committing = this.#transactions.commitOffsets(offsets, whole);
    committing.catch(() => {});
    this.#works.push(committing);
    await unlessAborted(committing, signal);
  }

  /**
   * Resolves when all of it is visible to readers of committed records. When it cannot be committed, it is aborted and this rejects. A
   * signal ends the waiting, not the commit: calling this again waits for the same.
   */
  async commit({ signal }: SendOptions = {}): Promise<void> {
    if (this.#hasEnded) throw new StateError("the transaction is over");
    this.#committing ??= this.#commit();
    await unlessAborted(this.#committing, signal);
  }

  async #commit(): Promise<void> {
    await this.#producer.flush();
    const failed = (await Promise.allSettled(this.#works)).find((work) => work.status === "rejected");
    try {
      if (failed !== undefined) {
        const { message } = asError(failed.reason);
        const { refusal } = this.#transactions;
        if (refusal instanceof FencedError) throw refusal;
        throw failed.reason instanceof KafkaError && refusal === undefined
          ? failed.reason
          : new TransactionAbortedError(`the transaction was aborted: ${message}`, { cause: failed.reason });
      }
      if (this.#hasEnded) throw new TransactionAbortedError("the transaction was aborted before it was committed");
      await this.#transactions.commit();
      this.#hasEnded = true;
    } catch (error) {
      await this.abort().catch(() => {});
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#hasEnded) return;
    if (this.#transactions.isEnding) throw new StateError("the transaction is being committed: it is too late to abort it");
    this.#hasEnded = true;
    await this.#dropUnsent();
    // Offsets that arrive behind the end would belong to another transaction.
    await Promise.allSettled(this.#works);
    await this.#transactions.abort();
  }

  async [asyncDispose](): Promise<void> {
    // Whoever commits without waiting has been told, or will be, what became of it.
    if (this.#transactions.isEnding && !this.#hasEnded) await this.#committing?.catch(() => {});
    else await this.abort();
  }
}

function headerList(headers: NonNullable<ProducerRecord<unknown, unknown>["headers"]>): readonly Header[] {
  const header = (key: string, value: Uint8Array | string | null): Header => {
    if (typeof key !== "string") throw new TypeError("a header's key must be text");
    if (typeof value === "string") return { key, value: encodeText(value) };
    return { key, value: value === null ? null : bytesFor(`header ${key}`, value) };
  };
  if (Array.isArray(headers)) return headers.map(({ key, value }: Header) => header(key, value));
  return Object.entries(headers as Record<string, Uint8Array | string | null>).map(([key, value]) => header(key, value));
}

/** Whatever else came would be written as something nobody meant. The tag is the same in every realm, the class is not. */
function bytesFor(what: string, given: Uint8Array): Uint8Array {
  if (given instanceof Uint8Array || (given as Uint8Array | undefined)?.[Symbol.toStringTag] === "Uint8Array") return given;
  throw new TypeError(`the ${what} is not a Uint8Array (nor made one by a serializer), but ${typeof given}`);
}
