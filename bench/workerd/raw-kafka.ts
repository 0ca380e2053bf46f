/**
 * The least Kafka that a stock producer can be pointed at: one broker, any topic with four partitions, every batch taken without a look
 * at what is in it. With it the raw path shows what this runtime gives to Java's producer and to kcat when nothing is checked, ordered
 * or kept in memory.
 */
import { concatenate, decodeRequest, encodeResponse } from "../../protocol/codec.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import type { RequestOf } from "../../protocol/schema.ts";

const partitions = [0, 1, 2, 3];
/** librdkafka wants to see version 0 of Produce and never uses it. */
const apiKeys = [
  { apiKey: produce.key, minVersion: 0, maxVersion: 12 },
  { apiKey: metadata.key, minVersion: 0, maxVersion: 9 },
  { apiKey: apiVersions.key, minVersion: 0, maxVersion: 3 },
  { apiKey: initProducerId.key, minVersion: 0, maxVersion: 4 },
];
/** Where a batch says how many records it holds, and its length before that. */
const [recordCountAt, batchLengthAt, lengthEnd] = [57, 8, 12];

export class RawKafka {
  readonly #port: number;
  readonly #nextOffset = new Map<number, bigint>();

  constructor(port: number) {
    this.#port = port;
  }

  answers(frames: readonly Uint8Array[]): Uint8Array {
    return concatenate(frames.flatMap((frame) => this.#answer(frame)));
  }

  #answer(frame: Uint8Array): Uint8Array[] {
    const { apiKey, apiVersion, correlationId, body } = decodeRequest(frame);
    if (apiKey === produce.key) {
      const { topicData } = body as RequestOf<typeof produce>;
      const responses = topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index, records }) => ({
          index,
          errorCode: 0,
          baseOffset: this.#append(index, records),
        })),
      }));
      return encodeResponse(produce, apiVersion, correlationId, { responses, throttleTimeMs: 0 });
    }
    if (apiKey === metadata.key) {
      const { topics } = body as RequestOf<typeof metadata>;
      return encodeResponse(metadata, apiVersion, correlationId, {
        brokers: [{ nodeId: 1, host: "127.0.0.1", port: this.#port }],
        controllerId: 1,
        topics: (topics ?? []).map(({ name }) => ({ errorCode: 0, name, partitions: partitions.map(partitionOf) })),
      });
    }
    if (apiKey === initProducerId.key) {
      return encodeResponse(initProducerId, apiVersion, correlationId, { errorCode: 0, producerId: 1n, producerEpoch: 0 });
    }
    return encodeResponse(apiVersions, apiVersion, correlationId, { errorCode: 0, apiKeys });
  }

  #append(partition: number, records: Uint8Array | null): bigint {
    const baseOffset = this.#nextOffset.get(partition) ?? 0n;
    let count = 0;
    if (records !== null) {
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      for (let at = 0; at < records.byteLength; at += lengthEnd + view.getInt32(at + batchLengthAt)) {
        count += view.getInt32(at + recordCountAt);
      }
    }
    this.#nextOffset.set(partition, baseOffset + BigInt(count));
    return baseOffset;
  }
}

function partitionOf(partitionIndex: number) {
  return { errorCode: 0, partitionIndex, leaderId: 1, replicaNodes: [1], isrNodes: [1] };
}
