/**
 * What an administrator does with transactions: which are open and since when, which producers a partition knows of, and to end one
 * whose owner is gone. (KIP-664)
 */
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { describeProducers } from "../../protocol/messages/61-describe-producers.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import type { TopicPartition } from "../records/record.ts";
import { askEachBroker, askLeaders, refuse, unknownTopics } from "../wire/ask-many.ts";
import { type Cluster, type RetryOptions, transactionKey } from "../wire/cluster.ts";
import { GroupAdmin } from "./groups.ts";

export interface TransactionFilter {
  /** "Ongoing", "PrepareCommit", "CompleteAbort", …; all when left out. */
  readonly states?: readonly string[];
  /** Only those that have been open longer. */
  readonly openMs?: number;
}

export interface TransactionListing {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly state: string;
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  /** Undefined while none is open. */
  readonly startTime: number | undefined;
  readonly partitions: readonly TopicPartition[];
}

export interface ProducerDescription {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: number;
  readonly coordinatorEpoch: number;
  /** Where its open transaction begins in the partition; undefined while it has none there. */
  readonly transactionStartOffset: number | undefined;
}

export interface PartitionProducers extends TopicPartition {
  readonly producers: readonly ProducerDescription[];
}

export class TransactionAdmin extends GroupAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    super(cluster);
    this.#cluster = cluster;
  }

  async listTransactions({ states = [], openMs, ...options }: TransactionFilter & RetryOptions = {}): Promise<
    TransactionListing[]
  > {
    const answers = await askEachBroker(
      this.#cluster,
      listTransactions,
      { stateFilters: states, durationFilter: BigInt(openMs ?? -1) },
      ({ errorCode }) => refuse(errorCode, "listing transactions"),
      // Older brokers would list the younger ones too.
      openMs === undefined ? options : { ...options, versionMin: 1 },
    );
    const listed = answers.flatMap(({ transactionStates }) =>
      transactionStates.map(({ transactionalId, producerId, transactionState }) => ({
        transactionalId,
        producerId: Number(producerId),
        state: transactionState,
      })),
    );
    return [...new Map(listed.map((each) => [each.transactionalId, each])).values()];
  }

  async describeTransaction(transactionalId: string, options: RetryOptions = {}): Promise<TransactionDescription> {
    const answer = await this.#cluster.ask(
      { coordinator: transactionalId, type: transactionKey },
      describeTransactions,
      { transactionalIds: [transactionalId] },
      ({ transactionStates }) => refuse(transactionStates[0]?.errorCode ?? 0, `transaction ${transactionalId}`),
      options,
    );
    const [found] = answer.transactionStates;
    const startTime = Number(found?.transactionStartTimeMs ?? -1n);
    return {
      transactionalId,
      producerId: Number(found?.producerId ?? -1n),
      state: found?.transactionState ?? "",
      producerEpoch: found?.producerEpoch ?? -1,
      timeoutMs: found?.transactionTimeoutMs ?? -1,
      startTime: startTime < 0 ? undefined : startTime,
      partitions: (found?.topics ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition }))),
    };
  }

  /** Aborts what is open under the id, by taking it over: whoever had it is fenced. An id that nobody knows is refused. */
  async abortTransaction(transactionalId: string, options: RetryOptions = {}): Promise<void> {
    const { timeoutMs } = await this.describeTransaction(transactionalId, options);
    await this.#cluster.ask(
      { coordinator: transactionalId, type: transactionKey },
      initProducerId,
      { transactionalId, transactionTimeoutMs: Math.max(1, timeoutMs) },
      ({ errorCode }) => refuse(errorCode, `aborting the transaction of ${transactionalId}`),
      { ...options, versionMax: 5 },
    );
  }

  /** Whom the leaders of the partitions remember, and where transactions began that are still open there. */
  async describeProducers(partitions: readonly TopicPartition[], options: RetryOptions = {}): Promise<PartitionProducers[]> {
    const final = { ...options, finalCodes: unknownTopics };
    return await askLeaders(this.#cluster, "producers", partitions, final, async (node, asked) => {
      const topics = [...asked].map(([name, each]) => ({ name, partitionIndexes: each.map(({ partition }) => partition) }));
      const { body } = await this.#cluster.callOnce({ node }, describeProducers, { topics });
      return body.topics.flatMap(({ name: topic, partitions: each }) =>
        each.map(({ partitionIndex: partition, errorCode, errorMessage, activeProducers }) => ({
          topic,
          partition,
          errorCode,
          errorMessage,
          value: { topic, partition, producers: activeProducers.map(producerOf) },
        })),
      );
    });
  }
}

interface ActiveProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: bigint;
  readonly coordinatorEpoch: number;
  readonly currentTxnStartOffset: bigint;
}

function producerOf(producer: ActiveProducer): ProducerDescription {
  const { producerId, producerEpoch, lastSequence, lastTimestamp, coordinatorEpoch, currentTxnStartOffset } = producer;
  return {
    producerId: Number(producerId),
    producerEpoch,
    lastSequence,
    lastTimestamp: Number(lastTimestamp),
    coordinatorEpoch,
    transactionStartOffset: currentTxnStartOffset < 0n ? undefined : Number(currentTxnStartOffset),
  };
}
