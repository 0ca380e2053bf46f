/** Kafka requests encoded beforehand, by this project's own codec, and what benches read out of the answers. */
import { concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { encodeBatch } from "../../test/kernel/batch-builder.ts";
import { noise } from "../../test/kernel/noise.ts";
import { LoadConnection } from "./load-connection.ts";

const clientId = "bench";
/** The last versions that name topics: no metadata needed. */
const produceVersion = 12;
const fetchVersion = 12;

export interface BatchOptions {
  readonly recordBytes: number;
  readonly records: number;
  readonly producer?: { readonly id: number; readonly epoch: number; readonly sequence: number };
}

export function batchOf({ recordBytes, records, producer }: BatchOptions): Uint8Array {
  const value = noise(recordBytes, records);
  return encodeBatch({
    records: Array.from({ length: records }, () => ({ value })),
    ...(producer === undefined
      ? {}
      : { producerId: BigInt(producer.id), producerEpoch: producer.epoch, baseSequence: producer.sequence }),
  });
}

export function produceRequest(topic: string, batches: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const partitionData = [...batches].map(([index, records]) => ({ index, records }));
  const body = { acks: -1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
  return concatenate(encodeRequest(produce, produceVersion, 7, clientId, body));
}

export interface FetchOptions {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly offset: number;
  readonly maxWaitMs: number;
  readonly partitionMaxBytes: number;
}

export function fetchRequest({ topic, partitions, offset, maxWaitMs, partitionMaxBytes }: FetchOptions): Uint8Array {
  const body = {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 55 * 1024 * 1024,
    isolationLevel: 0,
    sessionId: 0,
    rackId: "",
    forgottenTopicsData: [],
    topics: [{ topic, partitions: partitions.map((partition) => ({ partition, fetchOffset: BigInt(offset), partitionMaxBytes })) }],
  };
  return concatenate(encodeRequest(fetch, fetchVersion, 7, clientId, body));
}

/** Throws unless every partition was appended to; answers the first base offset. */
export function checkProduced(frame: Uint8Array): number {
  const { responses } = decodeResponse(produce, produceVersion, frame).body;
  const partitions = responses.flatMap(({ partitionResponses }) => partitionResponses);
  const failed = partitions.find(({ errorCode }) => errorCode !== 0);
  if (failed !== undefined || partitions.length === 0) throw new Error(`produce answered with error ${failed?.errorCode}`);
  return Number(partitions[0]!.baseOffset);
}

export interface Fetched {
  readonly recordBytes: number;
  readonly highWatermark: number;
}

/** Of a whole frame: the connection must keep that much. */
export function checkFetched(frame: Uint8Array): Fetched {
  const { errorCode, responses } = decodeResponse(fetch, fetchVersion, frame).body;
  const partitions = responses.flatMap((response) => response.partitions);
  const failed = [errorCode, ...partitions.map((partition) => partition.errorCode)].find((code) => code !== 0);
  if (failed !== undefined) throw new Error(`fetch answered with error ${failed}`);
  return {
    recordBytes: partitions.reduce((sum, { records }) => sum + (records?.byteLength ?? 0), 0),
    highWatermark: Math.max(...partitions.map(({ highWatermark }) => Number(highWatermark))),
  };
}

export async function createTopic(port: number, name: string, numPartitions: number): Promise<void> {
  const connection = await LoadConnection.open({ port });
  const body = { topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }], validateOnly: false };
  const { head } = await connection.send(concatenate(encodeRequest(createTopics, 6, 7, clientId, body)));
  connection.close();
  const failed = decodeResponse(createTopics, 6, head).body.topics.find(({ errorCode }) => errorCode !== 0);
  if (failed !== undefined) throw new Error(`topic ${name} was refused: ${failed.errorCode} ${failed.errorMessage ?? ""}`);
}

export async function newProducerId(connection: LoadConnection): Promise<{ readonly id: number; readonly epoch: number }> {
  const body = { transactionalId: null, transactionTimeoutMs: 60_000 };
  const { head } = await connection.send(concatenate(encodeRequest(initProducerId, 4, 7, clientId, body)));
  const { errorCode, producerId, producerEpoch } = decodeResponse(initProducerId, 4, head).body;
  if (errorCode !== 0) throw new Error(`no producer id: ${errorCode}`);
  return { id: Number(producerId), epoch: producerEpoch };
}
