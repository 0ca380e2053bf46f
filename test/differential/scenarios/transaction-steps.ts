/** A transactional producer as the scenarios move it: every step is asked again while a transaction is in the way. */
import { produce } from "../../../protocol/messages/00-produce.ts";
import { fetch } from "../../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../../protocol/messages/02-list-offsets.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../../protocol/messages/26-end-txn.ts";
import { describeTransactions } from "../../../protocol/messages/65-describe-transactions.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { batch } from "../../handlers/records.ts";
import { concat } from "../../kernel/batch-builder.ts";
import type { Script } from "../script.ts";
import { fetchRequest, produceRequest, type Topic } from "./records.ts";

const transactional = 0x10;
export const concurrent = 51;

export interface Producer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export class Transactions {
  readonly id: string;
  readonly script: Script;
  topic: Topic = { name: "", id: "" };

  private constructor(script: Script, id: string) {
    this.script = script;
    this.id = id;
  }

  static async begin(script: Script, partitions = 2): Promise<Transactions> {
    const transactions = new Transactions(script, script.unique("x"));
    const name = script.unique("t");
    transactions.topic = { name, id: await script.createTopic(name, { partitions }) };
    return transactions;
  }

  /** Asks until no transaction is in the way. */
  async init(
    label: string | undefined,
    more: Partial<Producer> & { readonly timeoutMs?: number; readonly id?: string } = {},
  ): Promise<Producer> {
    const { timeoutMs = 60_000, id = this.id, ...expected } = more;
    const request = { transactionalId: id, transactionTimeoutMs: timeoutMs, ...expected };
    return await this.script.until(label, initProducerId, request, ({ errorCode }) => errorCode !== concurrent);
  }

  async add(
    label: string | undefined,
    producer: Producer,
    partitions: readonly number[],
    name = this.topic.name,
    id = this.id,
  ): Promise<void> {
    const version = this.script.versionOf(addPartitionsToTxn);
    const topics = [{ name, partitions }];
    const { producerId, producerEpoch } = producer;
    const request =
      version >= 4
        ? { transactions: [{ transactionalId: id, producerId, producerEpoch, verifyOnly: false, topics }] }
        : {
            v3AndBelowTransactionalId: id,
            v3AndBelowProducerId: producerId,
            v3AndBelowProducerEpoch: producerEpoch,
            v3AndBelowTopics: topics,
          };
    await this.script.until(label, addPartitionsToTxn, request, ({ resultsByTopicV3AndBelow, resultsByTransaction }) => {
      const results = resultsByTopicV3AndBelow.concat(resultsByTransaction.flatMap(({ topicResults }) => topicResults));
      return results.every(({ resultsByPartition }) => resultsByPartition.every((one) => one.partitionErrorCode !== concurrent));
    });
  }

  async addGroup(label: string | undefined, { producerId, producerEpoch }: Producer, groupId: string, transactionalId = this.id) {
    const request = { transactionalId, producerId, producerEpoch, groupId };
    await this.script.until(label, addOffsetsToTxn, request, ({ errorCode }) => errorCode !== concurrent);
  }

  async end(label: string | undefined, { producerId, producerEpoch }: Producer, committed: boolean, transactionalId = this.id) {
    const request = { transactionalId, producerId, producerEpoch, committed };
    return await this.script.until(label, endTxn, request, ({ errorCode }) => errorCode !== concurrent);
  }

  async send(
    label: string,
    { producerId, producerEpoch }: Producer,
    baseSequence: number,
    value: string,
    transactionalId: string | null = this.id,
    partition = 0,
  ) {
    const records = batch({ values: [value], attributes: transactional, producerId, producerEpoch, baseSequence });
    const request = produceRequest(this.script, this.topic, records, { transactionalId, partition });
    await this.script.until(label, produce, request, ({ responses }) => {
      const errorCode = responses[0]?.partitionResponses[0]?.errorCode;
      return errorCode !== concurrent && errorCode !== 19;
    });
  }

  /** To the end, however much comes at once. */
  async read(label: string, from: number, to: number, isolationLevel = 0): Promise<void> {
    const records: Uint8Array[] = [];
    const aborted = new Map<string, unknown>();
    for (let offset = from; offset < to;) {
      const asked = fetchRequest(this.script, this.topic, { isolationLevel, offset: BigInt(offset), maxWaitMs: 20 });
      const partition = (await this.script.ask(fetch, asked)).responses[0]!.partitions[0]!;
      for (const one of partition.abortedTransactions ?? []) aborted.set(`${one.producerId} ${one.firstOffset}`, one);
      const some = partition.records ?? new Uint8Array(0);
      for (const { baseOffset, offsetCount } of kernel.batches(some)) offset = baseOffset + offsetCount;
      records.push(some);
    }
    this.script.record(label, { records: concat(records), abortedTransactions: [...aborted.values()] });
  }

  /** Until every marker is written. */
  async settled(): Promise<void> {
    const ask = async (isolationLevel: number) => {
      const partitions = [{ partitionIndex: 0, timestamp: -1n }];
      const asked = { replicaId: -1, isolationLevel, topics: [{ name: this.topic.name, partitions }] };
      return (await this.script.ask(listOffsets, asked, { version: 7 })).topics[0]!.partitions[0]!.offset;
    };
    const describe = async () => {
      const { transactionStates } = await this.script.ask(describeTransactions, { transactionalIds: [this.id] });
      return transactionStates[0]!.transactionState;
    };
    for (;;) {
      const state = await describe();
      if (!/Prepare/.test(state) && (state === "Ongoing" || (await ask(0)) === (await ask(1)))) return;
    }
  }
}

export function next(answer: Producer, before: Producer): Producer {
  return answer.producerId === -1n ? before : answer;
}
