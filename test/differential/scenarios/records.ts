/** Record sets for the scenarios, good ones and ones that lie, and where the record APIs put their names. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { fetch } from "../../../protocol/messages/01-fetch.ts";
import { produce } from "../../../protocol/messages/00-produce.ts";
import { type Producing, batch } from "../../handlers/records.ts";
import { encodeRecords } from "../../kernel/batch-builder.ts";
import type { Script } from "../script.ts";

export interface Topic {
  readonly name: string;
  readonly id: string;
}

export interface ProducingTo {
  readonly partition?: number;
  readonly acks?: number;
  readonly transactionalId?: string | null;
}

export function produceRequest(script: Script, topic: Topic, records: Uint8Array | null, given: ProducingTo = {}) {
  const named = script.versionOf(produce) >= 13 ? { topicId: topic.id } : { name: topic.name };
  return {
    acks: given.acks ?? -1,
    timeoutMs: 5000,
    transactionalId: given.transactionalId ?? null,
    topicData: [{ ...named, partitionData: [{ index: given.partition ?? 0, records }] }],
  };
}

/** Appends without recording, in the newest version. */
export async function append(script: Script, topic: Topic, records: Uint8Array, partition = 0): Promise<void> {
  const { responses } = await script.ask(
    produce,
    { acks: -1, timeoutMs: 5000, topicData: [{ name: topic.name, partitionData: [{ index: partition, records }] }] },
    { version: 12 },
  );
  const errorCode = responses[0]?.partitionResponses[0]?.errorCode;
  if (errorCode !== 0) throw new Error(`appending to ${topic.name}: ${errorCode}`);
}

export interface Fetching {
  readonly partition?: number;
  readonly offset?: bigint;
  readonly epoch?: number;
  readonly lastEpoch?: number;
  readonly partitionMaxBytes?: number;
  readonly maxBytes?: number;
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly isolationLevel?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
}

export function fetchRequest(script: Script, topic: Topic, given: Fetching = {}) {
  const version = script.versionOf(fetch);
  const named = version >= 13 ? { topicId: topic.id } : { topic: topic.name };
  return {
    maxWaitMs: given.maxWaitMs ?? 100,
    minBytes: given.minBytes ?? 1,
    maxBytes: given.maxBytes ?? 1 << 20,
    isolationLevel: given.isolationLevel ?? 0,
    ...(version >= 7 ? { sessionId: given.sessionId ?? 0, sessionEpoch: given.sessionEpoch ?? -1 } : {}),
    topics: [
      {
        ...named,
        partitions: [
          {
            partition: given.partition ?? 0,
            fetchOffset: given.offset ?? 0n,
            partitionMaxBytes: given.partitionMaxBytes ?? 1 << 20,
            ...(version >= 9 ? { currentLeaderEpoch: given.epoch ?? -1 } : {}),
            ...(version >= 12 ? { lastFetchedEpoch: given.lastEpoch ?? -1 } : {}),
          },
        ],
      },
    ],
  };
}

/** A batch whose body a client compressed. */
export function compressed(codec: "gzip" | "zstd", producing: Producing = {}): Uint8Array {
  const values = producing.values ?? ["one", "two", "three"];
  const body = encodeRecords(values.map((value) => ({ value: Buffer.from(value), timestampDelta: 0 })));
  return batch({
    ...producing,
    values,
    attributes: codec === "gzip" ? 1 : 4,
    body: Uint8Array.from(codec === "gzip" ? gzipSync(body) : zstdCompressSync(body)),
  });
}

/** The same batch with one byte of its records changed, and the checksum that it had. */
export function damaged(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 2]! ^= 0xff;
  return copy;
}
