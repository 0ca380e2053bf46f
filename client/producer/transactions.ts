/**
 * The transactions of one producer. It knows which partitions and groups a transaction touches, what may still be done after a failure,
 * and both ways of the protocol: with `transaction.version` 2 brokers add partitions themselves and every transaction has its own epoch
 * (KIP-890); against older ones partitions are added first and the epoch changes only after trouble.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { BrokerError, FencedError, KafkaError, StateError, TransactionAbortedError } from "../errors.ts";
import { type TopicPartition, type TopicPartitionOffset, partitionKey } from "../records/record.ts";
import { type AskOptions, type Cluster, groupKey, transactionKey } from "../wire/cluster.ts";
import type { Identity } from "./batch.ts";
import type { SenderTransaction } from "./sender.ts";
import type { Sequences } from "./sequences.ts";
import { groupBy } from "../group-by.ts";

export interface GroupMetadata {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface TransactionsOptions {
  readonly cluster: Cluster;
  readonly transactionalId: string;
  readonly timeoutMs: number;
  readonly sequences: Sequences;
  /** The sender may look again. */
  readonly wake: () => void;
}

type State = "new" | "ready" | "open" | "ending" | "failed" | "fenced";

const fencingCodes: ReadonlySet<number> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.TRANSACTION_COORDINATOR_FENCED,
  errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
]);
/** Of a produce request. An older epoch is never found newer again: the transaction has timed out, or another producer began one. */
const producedFencingCodes: ReadonlySet<number> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
]);

const secondVersion = 2;
/** The newest versions of before KIP-890. */
const olderVersions = { produce: 11, endTxn: 4, addPartitions: 3, offsetCommit: 4 } as const;

export class Transactions implements SenderTransaction {
  readonly id: string;
  readonly #options: TransactionsOptions;
  #state: State = "new";
  #cause: KafkaError | undefined;
  #isSecondVersion = false;
  /** In the open transaction; under the older protocol, those that the coordinator has been told of. */
  readonly #touched = new Set<string>();
  readonly #groups = new Set<string>();
  readonly #toAdd = new Map<string, TopicPartition>();
  #adding: Promise<void> | undefined;

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.id = options.transactionalId;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** The coordinator is being told how it ends. */
  get isEnding(): boolean {
    return this.#state === "ending";
  }

  get produceVersionMax(): number {
    return this.#isSecondVersion ? Infinity : olderVersions.produce;
  }

  /** Why nothing may be sent now; undefined when it may. */
  get refusal(): Error | undefined {
    switch (this.#state) {
      case "open":
        return undefined;
      case "failed":
        return new TransactionAbortedError(`the transaction has failed and must be aborted: ${this.#cause?.message ?? ""}`, {
          cause: this.#cause,
        });
      case "fenced":
        return this.#fenced();
      default:
        return new StateError("a transactional producer sends within transactions: begin one first");
    }
  }

  async begin(signal?: AbortSignal): Promise<void> {
    if (this.#state === "fenced") throw this.#fenced();
    if (this.#state === "new") await this.#init(this.#options.sequences.identity, signal);
    if (this.#state !== "ready") throw new StateError("another transaction is open");
    const { cluster } = this.#options;
    const connection = await cluster.retry("begin", async () => await cluster.connection("any"), { signal });
    // Another call may have come first.
    if (this.#state !== "ready") throw new StateError("another transaction is open");
    this.#isSecondVersion = connection.featureLevel("transaction.version") >= secondVersion;
    this.#state = "open";
    this.#cause = undefined;
  }

  maySend(topic: string, partition: number): boolean {
    // What is left of a failed transaction is given up by whoever aborts it.
    if (this.#state !== "open" && this.#state !== "ending") return false;
    const key = partitionKey(topic, partition);
    if (this.#touched.has(key)) return true;
    if (this.#isSecondVersion) {
      this.#touched.add(key);
      return true;
    }
    this.#toAdd.set(key, { topic, partition });
    this.#adding ??= this.#addPartitions();
    return false;
  }

  meaningOf(error: BrokerError): KafkaError {
    return producedFencingCodes.has(error.code) ? this.#fenced(error) : error;
  }

  failed(error: KafkaError): void {
    if (this.#state !== "open" && this.#state !== "ending") return;
    const isFenced = error instanceof FencedError;
    this.#cause ??= isFenced ? (error.cause as KafkaError) : error;
    this.#state = isFenced ? "fenced" : "failed";
  }

  /** Offsets of a group that count once the transaction commits. */
  async commitOffsets(offsets: readonly TopicPartitionOffset[], group: GroupMetadata): Promise<void> {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
    if (offsets.length === 0) return;
    const { groupId } = group;
    try {
      if (!this.#isSecondVersion && !this.#groups.has(groupId))
        await this.#ask(addOffsetsToTxn, { groupId }, ({ errorCode }) => this.#check(errorCode, "AddOffsetsToTxn"));
      this.#groups.add(groupId);
      await this.#commitOffsets(offsets, group);
    } catch (error) {
      throw this.#spoilt(error);
    }
  }

  async #commitOffsets(offsets: readonly TopicPartitionOffset[], group: GroupMetadata): Promise<void> {
    const body = {
      transactionalId: this.id,
      ...this.#identity(),
      ...group,
      topics: [...groupBy(offsets, ({ topic }) => topic)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: BigInt(offset),
          committedMetadata: "",
        })),
      })),
    };
    const check = ({ topics }: ResponseOf<typeof txnOffsetCommit>): void => {
      for (const { partitions } of topics)
        for (const { errorCode } of partitions) this.#check(errorCode, `offsets of ${group.groupId}`);
    };
    const options = this.#isSecondVersion ? {} : { versionMax: olderVersions.offsetCommit };
    await this.#options.cluster.ask({ coordinator: group.groupId, type: groupKey }, txnOffsetCommit, body, check, options);
  }

  /** All records have been delivered, or failed. Answers only when the outcome is certain. */
  async commit(): Promise<void> {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
    await this.#end(true);
  }

  async abort(): Promise<void> {
    // What the coordinator hears only after the end would belong to another transaction.
    this.#toAdd.clear();
    await this.#adding;
    if (this.#state === "fenced") throw this.#fenced();
    if (this.#state !== "open" && this.#state !== "failed") return;
    const hasFailed = this.#state === "failed";
    try {
      await this.#end(false);
      // Sequences are no longer what the broker expects: a new epoch makes them begin again.
      if (hasFailed && !this.#isSecondVersion) await this.#init(this.#options.sequences.identity);
    } catch (error) {
      // Whoever begins the next makes the coordinator end this one first.
      if (!(error instanceof FencedError)) this.#ended("new");
      throw error;
    }
  }

  async #end(committed: boolean): Promise<void> {
    if (this.#touched.size > 0 || this.#groups.size > 0) {
      const before = this.#state;
      this.#state = "ending";
      try {
        const check = ({ errorCode }: ResponseOf<typeof endTxn>): void => this.#check(errorCode, "EndTxn");
        const answer = await this.#ask(
          endTxn,
          { committed },
          check,
          this.#isSecondVersion ? {} : { versionMax: olderVersions.endTxn },
        );
        if (answer.producerId >= 0n) this.#options.sequences.restart(identityOf(answer));
      } catch (error) {
        this.#state = before;
        throw this.#spoilt(error);
      }
    }
    this.#ended("ready");
  }

  #ended(state: "ready" | "new"): void {
    this.#touched.clear();
    this.#groups.clear();
    this.#toAdd.clear();
    this.#state = state;
  }

  async #init(current?: Identity, signal?: AbortSignal): Promise<void> {
    const { cluster, timeoutMs, sequences } = this.#options;
    const body = {
      transactionalId: this.id,
      transactionTimeoutMs: timeoutMs,
      producerId: BigInt(current?.producerId ?? -1),
      producerEpoch: current?.epoch ?? -1,
    };
    const check = ({ errorCode }: { errorCode: number }): void => this.#check(errorCode, "InitProducerId");
    const answer = await cluster.ask(this.#coordinator, initProducerId, body, check, { versionMax: 5, signal });
    sequences.restart(identityOf(answer));
    this.#state = "ready";
  }

  async #addPartitions(): Promise<void> {
    // What is handed over together is added together.
    await Promise.resolve();
    while (this.#toAdd.size > 0) {
      const adding = new Map(this.#toAdd);
      this.#toAdd.clear();
      try {
        await this.#addToTransaction([...adding.values()]);
        for (const key of adding.keys()) this.#touched.add(key);
      } catch (error) {
        this.#spoilt(error);
      }
      this.#options.wake();
    }
    this.#adding = undefined;
  }

  async #addToTransaction(partitions: readonly TopicPartition[]): Promise<void> {
    const topics = [...groupBy(partitions, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition }) => partition),
    }));
    const { producerId: id, producerEpoch } = this.#identity();
    const body = {
      v3AndBelowTransactionalId: this.id,
      v3AndBelowProducerId: id,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: topics,
    };
    const check = (answer: ResponseOf<typeof addPartitionsToTxn>): void => {
      for (const { name, resultsByPartition } of answer.resultsByTopicV3AndBelow)
        for (const { partitionIndex, partitionErrorCode } of resultsByPartition)
          this.#check(partitionErrorCode, `adding ${name}-${partitionIndex} to the transaction`);
    };
    const options = { versionMax: olderVersions.addPartitions };
    await this.#options.cluster.ask(this.#coordinator, addPartitionsToTxn, body, check, options);
  }

  get #coordinator() {
    return { coordinator: this.id, type: transactionKey } as const;
  }

  #identity(): { readonly producerId: bigint; readonly producerEpoch: number } {
    const { identity } = this.#options.sequences;
    return { producerId: BigInt(identity?.producerId ?? -1), producerEpoch: identity?.epoch ?? -1 };
  }

  async #ask<Api extends ApiSchema>(
    api: Api,
    body: object,
    check: (body: ResponseOf<Api>) => void,
    options: AskOptions = {},
  ): Promise<ResponseOf<Api>> {
    const whole = { transactionalId: this.id, ...this.#identity(), ...body } as unknown as RequestInput<Api>;
    return await this.#options.cluster.ask(this.#coordinator, api, whole, check, options);
  }

  #check(errorCode: number, context: string): void {
    if (errorCode === 0) return;
    const error = new BrokerError(errorCode, context);
    if (!fencingCodes.has(errorCode)) throw error;
    this.#cause = error;
    this.#state = "fenced";
    throw this.#fenced();
  }

  /** After a failure in the midst of a transaction there is nothing but abort, or not even that. */
  #spoilt(error: unknown): unknown {
    if (error instanceof FencedError || !(error instanceof KafkaError)) return error;
    if (this.#state === "open") this.failed(error);
    return error;
  }

  #fenced(cause = this.#cause): FencedError {
    const why = cause?.message ?? "";
    const text = `another producer has taken over the transactional id ${this.id}, or a transaction of this one timed out: ${why}`;
    return new FencedError(text, { cause });
  }
}

function identityOf({ producerId, producerEpoch }: { readonly producerId: bigint; readonly producerEpoch: number }): Identity {
  return { producerId: Number(producerId), epoch: producerEpoch };
}
