/** The topics of a run, what their records look like, and small questions that several clients ask. */
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { type BatchSpec, encodeBatch } from "../kernel/batch-builder.ts";
import type { Random } from "../sim/random.ts";
import type { Wire } from "./wire.ts";

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export const topics: Readonly<Record<string, number>> = { plain: 2, ledger: 5, source: 2, results: 2 };

export const places: readonly Place[] = Object.entries(topics).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition })),
);

export function placesOf(topic: string): readonly Place[] {
  return places.filter((place) => place.topic === topic);
}

export function nameOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const transactionalBit = 0x10;

/** A value among spaces: mostly few, so that it travels inline, now and then so many that it needs an object. */
export function padded(value: string, random: Random): string {
  const length = random.chance(0.1) ? random.between(70_000, 120_000) : random.between(20, 2000);
  return value.padEnd(length);
}

export function valueIn(bytes: Uint8Array | null): string {
  let end = bytes?.byteLength ?? 0;
  while (end > 0 && bytes![end - 1] === 0x20) end -= 1;
  // Not the end cut off a string: it would keep all of the spaces in memory.
  return decoder.decode(bytes?.subarray(0, end));
}

export interface Producing extends ProducerIdentity {
  readonly sequence: number;
  readonly isTransactional: boolean;
}

export function batchOf(texts: readonly string[], producing?: Producing): Uint8Array {
  const now = BigInt(Date.now());
  const records = texts.map((text) => ({ value: encoder.encode(text), timestampDelta: 0 }));
  const spec: BatchSpec = { records, baseTimestamp: now, maxTimestamp: now };
  if (producing === undefined) return encodeBatch(spec);
  const { producerId, producerEpoch, sequence, isTransactional } = producing;
  const attributes = isTransactional ? transactionalBit : 0;
  return encodeBatch({ ...spec, producerId, producerEpoch, baseSequence: sequence, attributes });
}

export async function createAll(wire: Wire): Promise<void> {
  const asked = Object.entries(topics).map(([name, numPartitions]) => ({
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }));
  await wire.insist(createTopics, 6, { topics: asked, validateOnly: false, timeoutMs: 10_000 }, ({ topics: created }) =>
    firstError(created.map(({ errorCode }) => (errorCode === errorCodes.TOPIC_ALREADY_EXISTS ? 0 : errorCode))),
  );
}

export async function identify(wire: Wire, transactionalId: string | null, known?: ProducerIdentity): Promise<ProducerIdentity> {
  const request = { transactionalId, transactionTimeoutMs: 30_000, ...known };
  const { producerId, producerEpoch } = await wire.insist(initProducerId, 4, request, ({ errorCode }) => errorCode);
  return { producerId, producerEpoch };
}

/** The end of each partition for readers of the isolation level. */
export async function endsOf(wire: Wire, isolationLevel: number): Promise<ReadonlyMap<string, number>> {
  const asked = Object.keys(topics).map((name) => ({
    name,
    partitions: placesOf(name).map(({ partition }) => ({ partitionIndex: partition, timestamp: -1n })),
  }));
  const answer = await wire.insist(listOffsets, 7, { replicaId: -1, isolationLevel, topics: asked }, ({ topics: told }) =>
    firstError(told.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))),
  );
  return new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, Number(offset)] as const),
    ),
  );
}

export function firstError(errors: readonly number[]): number {
  return errors.find((errorCode) => errorCode !== errorCodes.NONE) ?? errorCodes.NONE;
}
