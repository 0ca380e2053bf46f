/** One transactional producer of either transaction version, one request after the other: the least that a transaction can be. */
import { concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import type { ApiSchema, RequestInput } from "../../protocol/schema.ts";
import { encodeBatch } from "../../test/kernel/batch-builder.ts";
import { noise } from "../../test/kernel/noise.ts";
import type { LoadConnection } from "./load-connection.ts";

/** What clients of the two transaction versions send: in the first they name partitions themselves. */
const apiVersions = { 1: { produce: 11, end: 4 }, 2: { produce: 12, end: 5 } } as const;
const transactionalBit = 0x10;
/** The one before is still being ended. Clients ask again; here without delay. */
const concurrentTransactions = 51;

export class TransactionalLoad {
  readonly #connection: LoadConnection;
  readonly #version: 1 | 2;
  readonly #transactionalId: string;
  #producerId = -1n;
  #producerEpoch = -1;
  #sequence = 0;

  private constructor(connection: LoadConnection, version: 1 | 2) {
    this.#connection = connection;
    this.#version = version;
    this.#transactionalId = `bench-${version}`;
  }

  static async begin(connection: LoadConnection, version: 1 | 2): Promise<TransactionalLoad> {
    const load = new TransactionalLoad(connection, version);
    await load.rest();
    return load;
  }

  /** Answered once the transaction before is over everywhere. */
  async rest(): Promise<void> {
    const request = {
      transactionalId: this.#transactionalId,
      transactionTimeoutMs: 60_000,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
    };
    this.#take(await this.#ask(initProducerId, 4, request, ({ errorCode }) => errorCode));
  }

  async send(topic: string, partitions: readonly number[], recordBytes: number): Promise<void> {
    if (this.#version === 1) await this.#addPartitions(topic, partitions);
    const { producerId, producerEpoch } = { producerId: this.#producerId, producerEpoch: this.#producerEpoch };
    const baseSequence = this.#sequence;
    const records = [{ value: noise(recordBytes, 1) }];
    const batch = encodeBatch({ records, attributes: transactionalBit, producerId, producerEpoch, baseSequence });
    const partitionData = partitions.map((index) => ({ index, records: batch }));
    const request = {
      transactionalId: this.#transactionalId,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData }],
    };
    await this.#ask(produce, apiVersions[this.#version].produce, request, ({ responses }) =>
      firstError(responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))),
    );
    this.#sequence += 1;
  }

  async end(committed = true): Promise<void> {
    const { producerId, producerEpoch } = { producerId: this.#producerId, producerEpoch: this.#producerEpoch };
    const request = { transactionalId: this.#transactionalId, producerId, producerEpoch, committed };
    const answer = await this.#ask(endTxn, apiVersions[this.#version].end, request, ({ errorCode }) => errorCode);
    if (this.#version === 2) this.#take(answer);
  }

  async #addPartitions(topic: string, partitions: readonly number[]): Promise<void> {
    const request = {
      v3AndBelowTransactionalId: this.#transactionalId,
      v3AndBelowProducerId: this.#producerId,
      v3AndBelowProducerEpoch: this.#producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    };
    await this.#ask(addPartitionsToTxn, 3, request, ({ resultsByTopicV3AndBelow }) =>
      firstError(resultsByTopicV3AndBelow.flatMap((each) => each.resultsByPartition.map((one) => one.partitionErrorCode))),
    );
  }

  #take({ producerId, producerEpoch }: { readonly producerId: bigint; readonly producerEpoch: number }): void {
    if (producerId !== this.#producerId || producerEpoch !== this.#producerEpoch) this.#sequence = 0;
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
  }

  async #ask<Api extends ApiSchema>(
    api: Api,
    version: number,
    body: RequestInput<Api>,
    errorOf: (answer: ReturnType<typeof decodeResponse<Api>>["body"]) => number,
  ): Promise<ReturnType<typeof decodeResponse<Api>>["body"]> {
    for (;;) {
      const { head } = await this.#connection.send(concatenate(encodeRequest(api, version, 7, "bench", body)));
      const answer = decodeResponse(api, version, head).body;
      const errorCode = errorOf(answer);
      if (errorCode === 0) return answer;
      if (errorCode !== concurrentTransactions) throw new Error(`${api.name} is answered with error ${errorCode}`);
    }
  }
}

function firstError(errors: readonly number[]): number {
  return errors.find((errorCode) => errorCode !== 0) ?? 0;
}
