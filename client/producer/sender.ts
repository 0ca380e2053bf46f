/**
 * Takes batches to the brokers that lead their partitions: one request at a time per broker is filled, up to five are on their way, and
 * what comes back is told to the senders or put back to be tried again. Sequences and transactions decide what may go; time decides what
 * is given up. It has no loop: every event (records, an answer, a timer) makes it look once.
 */
import { errorCodes, errorOf } from "../../protocol/errors.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import type { ResponseOf } from "../../protocol/schema.ts";
import { BrokerError, KafkaError, NetworkError, TimeoutError, asError, isRetriable } from "../errors.ts";
import { writtenAround } from "../records/batch-writer.ts";
import { backoffMs } from "../wire/backoff.ts";
import type { Cluster } from "../wire/cluster.ts";
import { zeroId } from "../wire/metadata.ts";
import type { Accumulator, PartitionQueue } from "./accumulator.ts";
import type { Batch } from "./batch.ts";
import type { Sequences } from "./sequences.ts";

export interface SenderOptions {
  readonly cluster: Pick<Cluster, "callOnce" | "clock" | "metadata" | "options" | "refresh">;
  readonly accumulator: Accumulator;
  /** Undefined: not idempotent. */
  readonly sequences: Sequences | undefined;
  /** What a transaction has to say. */
  readonly transaction: SenderTransaction | undefined;
  readonly acks: -1 | 0 | 1;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  readonly requestBytesMax: number;
  readonly inFlightMax: number;
  readonly obtainIdentity: () => Promise<void>;
  /** A batch has left: the sticky partition may change. */
  readonly onSent: (batch: Batch) => void;
  /** Memory was given back. */
  readonly onSettled: () => void;
}

export interface SenderTransaction {
  readonly id: string;
  /** Set: nothing may be sent any more. */
  readonly refusal: Error | undefined;
  /** May answer false and call `wake` when the partition belongs to the transaction. */
  maySend(topic: string, partition: number): boolean;
  readonly produceVersionMax: number;
  /** What a broker's refusal comes to. */
  meaningOf(error: BrokerError): KafkaError;
  failed(error: KafkaError): void;
}

type Answered = ResponseOf<typeof produce>["responses"][number]["partitionResponses"][number];

/** Refusals after which the leader is looked for again. */
const leaderMoved: ReadonlySet<number> = new Set([
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.INCONSISTENT_TOPIC_ID,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.NETWORK_EXCEPTION,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.KAFKA_STORAGE_ERROR,
]);

export class Sender {
  readonly #options: SenderOptions;
  readonly #inFlight = new Map<number, number>();
  #requests = 0;
  #isScheduled = false;
  #flushing = 0;
  #wakeMs = Infinity;
  #cancelWake: (() => void) | undefined;
  #isObtaining = false;
  #isRefreshing = false;
  #refreshFailures = 0;
  #failure: Error | undefined;
  #idle: (() => void)[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get requestsInFlight(): number {
    return this.#requests;
  }

  /** Looks when what is going on now has ended, so that records handed over together travel together. */
  wake(): void {
    if (this.#isScheduled || this.#failure !== undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#look();
    });
  }

  /** While anybody flushes, nothing lingers. */
  async flushing<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#flushing += 1;
    this.wake();
    try {
      return await work();
    } finally {
      this.#flushing -= 1;
    }
  }

  /** Gives everything up, now and later. */
  stop(error: Error): void {
    this.#failure ??= error;
    this.#cancelWake?.();
    this.giveUpWaiting(error);
  }

  /** What is not on its way fails. */
  giveUpWaiting(error: Error): void {
    for (const batch of this.#options.accumulator.takeAll()) this.#fail(batch, error, fateOf(batch));
  }

  /** Resolves when no request is on its way. */
  settled(): Promise<void> {
    return this.#requests === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #look(): void {
    if (this.#failure !== undefined) return;
    if (this.#options.accumulator.busy.size === 0) return;
    if (this.#options.sequences?.needsIdentity === true) {
      if (this.#requests === 0) void this.#obtainIdentity();
      return;
    }
    const wakeMs = { at: Infinity };
    while (this.#sendOnce(wakeMs));
    this.#wakeAt(wakeMs.at);
  }

  /** One request to each broker that has room and for whom something is ready. Answers whether anything was sent. */
  #sendOnce(wakeMs: { at: number }): boolean {
    const { accumulator, cluster, requestBytesMax, inFlightMax } = this.#options;
    const nowMs = cluster.clock.now();
    const requests = new Map<number, { batches: Batch[]; bytes: number }>();
    for (const queue of accumulator.busy) {
      const batch = this.#next(queue, nowMs, wakeMs);
      if (batch === undefined) continue;
      const node = cluster.metadata.leaderOf(queue.topic, queue.partition);
      if (node < 0) {
        this.#refresh();
        continue;
      }
      if ((this.#inFlight.get(node) ?? 0) >= inFlightMax) continue;
      if (!this.#isSealed(queue, batch)) continue;
      let request = requests.get(node);
      if (request === undefined) {
        request = { batches: [], bytes: 0 };
        requests.set(node, request);
      }
      if (request.bytes > 0 && request.bytes + batch.byteLength > requestBytesMax) continue;
      request.batches.push(batch);
      request.bytes += batch.byteLength;
    }
    for (const [node, { batches }] of requests) void this.#request(node, batches);
    return requests.size > 0;
  }

  /** The batch of the queue that may go now. */
  #next(queue: PartitionQueue, nowMs: number, wakeMs: { at: number }): Batch | undefined {
    const { accumulator, sequences, transaction, lingerMs, deliveryTimeoutMs } = this.#options;
    for (;;) {
      const batch = queue.batches[0];
      if (batch === undefined) {
        accumulator.busy.delete(queue);
        return undefined;
      }
      const expiresMs = batch.createdMs + deliveryTimeoutMs;
      const refusal = transaction?.refusal;
      if (nowMs >= expiresMs || refusal !== undefined) {
        queue.batches.shift();
        if (refusal === undefined) this.#expire(batch);
        else this.#fail(batch, refusal, fateOf(batch));
        continue;
      }
      wakeMs.at = Math.min(wakeMs.at, expiresMs);
      let dueMs = batch.notBeforeMs;
      if (batch.isOpen && this.#flushing === 0) dueMs = Math.max(dueMs, batch.createdMs + lingerMs);
      if (dueMs > nowMs) {
        wakeMs.at = Math.min(wakeMs.at, dueMs);
        return undefined;
      }
      if (sequences?.maySend(batch) === false) return undefined;
      return transaction?.maySend(queue.topic, queue.partition) === false ? undefined : batch;
    }
  }

  /** Closes an open batch. Compression may take its time. */
  #isSealed(queue: PartitionQueue, batch: Batch): boolean {
    if (batch.isOpen) {
      queue.lastBatchBytes = Math.max(batch.byteLength, queue.lastBatchBytes / 2);
      batch.seal()?.then(
        () => this.wake(),
        (error: unknown) => {
          const at = queue.batches.indexOf(batch);
          if (at >= 0) queue.batches.splice(at, 1);
          this.#fail(batch, asError(error), false);
        },
      );
    }
    return batch.isSealed;
  }

  async #request(node: number, batches: readonly Batch[]): Promise<void> {
    const { accumulator, cluster, sequences, transaction, acks, deliveryTimeoutMs, onSent } = this.#options;
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 0) + 1);
    this.#requests += 1;
    const topics = new Map<string, { name: string; topicId: string; partitionData: { index: number; records: Uint8Array }[] }>();
    for (const batch of batches) {
      accumulator.queueOf(batch.topic, batch.partition).batches.shift();
      sequences?.sending(batch);
      batch.attempts += 1;
      onSent(batch);
      let topic = topics.get(batch.topic);
      if (topic === undefined) {
        topic = { name: batch.topic, topicId: cluster.metadata.topics.get(batch.topic)?.id ?? zeroId, partitionData: [] };
        topics.set(batch.topic, topic);
      }
      topic.partitionData.push({ index: batch.partition, records: batch.stamped() });
    }
    const topicData = [...topics.values()];
    const hasIds = topicData.every(({ topicId }) => topicId !== zeroId);
    const versionMax = Math.min(transaction?.produceVersionMax ?? 13, hasIds ? 13 : 12);
    const timeoutMs = Math.min(cluster.options.requestTimeoutMs, deliveryTimeoutMs);
    const body = { transactionalId: transaction?.id ?? null, acks, timeoutMs, topicData };
    const records = topicData[0]!.partitionData[0]!.records;
    const arrange = batches.length > 1 ? undefined : (chunks: readonly Uint8Array[]) => writtenAround(records, chunks);
    try {
      const answer = await cluster.callOnce({ node }, produce, body, { versionMax, unanswered: acks === 0, arrange, timeoutMs });
      if (acks === 0) for (const batch of batches) this.#succeed(batch, -1, -1);
      else this.#answered(batches, answer.body);
    } catch (error) {
      for (const batch of batches) this.#broken(batch, asError(error));
    } finally {
      this.#inFlight.set(node, this.#inFlight.get(node)! - 1);
      this.#ended();
    }
  }

  #ended(): void {
    this.#requests -= 1;
    if (this.#failure !== undefined) this.giveUpWaiting(this.#failure);
    if (this.#requests === 0) for (const resolve of this.#idle.splice(0)) resolve();
    // At once: what was put back must not be overtaken by what is handed over now.
    this.#look();
  }

  #answered(batches: readonly Batch[], { responses, nodeEndpoints }: ResponseOf<typeof produce>): void {
    const { metadata } = this.#options.cluster;
    const byKey = new Map<string, Answered>();
    for (const { name, topicId, partitionResponses } of responses) {
      const topic = name === "" ? metadata.nameOf(topicId) : name;
      for (const partition of partitionResponses) byKey.set(`${partition.index} ${topic ?? ""}`, partition);
    }
    for (const batch of batches) {
      const answer = byKey.get(batch.key);
      if (answer === undefined) this.#broken(batch, new NetworkError("the broker's answer leaves the partition out"));
      else if (answer.errorCode === 0) this.#succeed(batch, Number(answer.baseOffset), Number(answer.logAppendTimeMs));
      else {
        const { currentLeader } = answer;
        const leader = { leader: currentLeader.leaderId, leaderEpoch: currentLeader.leaderEpoch };
        const hasMoved = metadata.moveLeader(batch.topic, batch.partition, leader, nodeEndpoints);
        this.#refused(batch, answer, hasMoved);
      }
    }
  }

  #succeed(batch: Batch, baseOffset: number, logAppendTime: number): void {
    const { accumulator, sequences, acks } = this.#options;
    sequences?.succeeded(batch);
    // Without an answer nobody knows whether the bytes have left.
    if (acks === 0) accumulator.settled(batch);
    else accumulator.delivered(batch);
    batch.succeeded(baseOffset, logAppendTime);
    this.#options.onSettled();
  }

  #refused(batch: Batch, answer: Answered, leaderIsKnown: boolean): void {
    const { errorCode, errorMessage, recordErrors } = answer;
    if (errorCode === errorCodes.MESSAGE_TOO_LARGE && batch.recordCount > 1) {
      void this.#split(batch);
      return;
    }
    const reason = errorMessage ?? recordErrors.find((each) => each.batchIndexErrorMessage !== null)?.batchIndexErrorMessage;
    const refusal = new BrokerError(errorCode, `${batch.topic}-${batch.partition}`, reason);
    const error = this.#options.transaction?.meaningOf(refusal) ?? refusal;
    const verdict = this.#options.sequences?.refused(batch, errorCode, error.retriable) ?? (error.retriable ? "retry" : "fail");
    if (verdict === "duplicate") this.#succeed(batch, -1, -1);
    else if (verdict === "fail") this.#fail(batch, error, fateOf(batch));
    else this.#again(batch, error, leaderIsKnown);
  }

  /** Counts as a request on its way: nobody takes what was handed over to have been told, nor numbers it anew, before the halves are there. */
  async #split(batch: Batch): Promise<void> {
    this.#requests += 1;
    try {
      const halves = await batch.split();
      this.#options.sequences?.replaced(batch, halves);
      this.#options.accumulator.replaced(batch, halves);
    } catch (error) {
      this.#fail(batch, asError(error), false);
    } finally {
      this.#ended();
    }
  }

  /** No answer: nobody knows whether the batch was appended. */
  #broken(batch: Batch, error: Error): void {
    batch.isUncertain = true;
    if (isRetriable(error)) this.#again(batch, error, false);
    else this.#fail(batch, error, undefined);
  }

  #again(batch: Batch, error: Error, leaderIsKnown: boolean): void {
    const { accumulator, cluster, deliveryTimeoutMs } = this.#options;
    batch.lastError = error;
    if (error instanceof KafkaError && leaderMoved.has(error.code) && !leaderIsKnown) this.#refresh();
    const nowMs = cluster.clock.now();
    if (this.#failure !== undefined) this.#fail(batch, this.#failure, fateOf(batch));
    else if (nowMs >= batch.createdMs + deliveryTimeoutMs) this.#expire(batch);
    else {
      const waitMs = backoffMs(batch.attempts, cluster.options.retryBackoff, cluster.clock.random());
      batch.notBeforeMs = leaderIsKnown ? 0 : nowMs + waitMs;
      accumulator.putBack(batch);
    }
  }

  #expire(batch: Batch): void {
    const { deliveryTimeoutMs } = this.#options;
    const cause = batch.lastError;
    const because = cause === undefined ? "" : `: ${cause.message}`;
    const text = `${batch.recordCount} records for ${batch.topic}-${batch.partition} were not delivered within ${deliveryTimeoutMs} ms${because}`;
    this.#fail(batch, new TimeoutError(text, { cause }), fateOf(batch));
  }

  #fail(batch: Batch, error: Error, wasAppended: false | undefined): void {
    const { accumulator, sequences, transaction, onSettled } = this.#options;
    sequences?.gaveUp(batch, wasAppended);
    accumulator.settled(batch);
    transaction?.failed(error instanceof KafkaError ? error : new KafkaError(errorOf(-1).code, error.message, { cause: error }));
    batch.failed(error);
    onSettled();
  }

  async #obtainIdentity(): Promise<void> {
    if (this.#isObtaining) return;
    this.#isObtaining = true;
    try {
      await this.#options.obtainIdentity();
    } catch (error) {
      this.giveUpWaiting(asError(error));
    } finally {
      this.#isObtaining = false;
    }
    this.wake();
  }

  /** One at a time, again and again until everything that waits has a leader or is given up. */
  #refresh(): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    const { cluster } = this.#options;
    const done = (): void => {
      this.#isRefreshing = false;
      this.#refreshFailures = 0;
      this.wake();
    };
    const waiting = new Set([...this.#options.accumulator.busy].map(({ topic }) => topic));
    // By name: what was deleted is not asked about with the others any more, and may be there again.
    cluster.refresh([...waiting]).then(
      () => {
        // Whoever has no leader yet asks again, after a while.
        const waitMs = backoffMs(1, cluster.options.retryBackoff, cluster.clock.random());
        this.wake();
        cluster.clock.after(waitMs, done);
      },
      (error: unknown) => {
        for (const { batches } of this.#options.accumulator.busy)
          if (batches[0] !== undefined) batches[0].lastError = asError(error);
        this.#refreshFailures += 1;
        const waitMs = backoffMs(this.#refreshFailures, cluster.options.retryBackoff, cluster.clock.random());
        cluster.clock.after(waitMs, () => {
          this.#isRefreshing = false;
          this.wake();
        });
      },
    );
  }

  #wakeAt(atMs: number): void {
    // A timer that fires too early only looks once more.
    if (atMs >= this.#wakeMs) return;
    this.#cancelWake?.();
    this.#wakeMs = atMs;
    const { clock } = this.#options.cluster;
    this.#cancelWake = clock.after(Math.max(0, atMs - clock.now()), () => {
      this.#wakeMs = Infinity;
      this.wake();
    });
  }
}

/** Undefined: it may have been appended by an attempt whose answer was lost. */
function fateOf({ isUncertain }: Batch): false | undefined {
  return isUncertain ? undefined : false;
}
