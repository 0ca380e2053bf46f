/**
 * What consumers say to each other through a classic group, as far as a coordinator must know it: subscriptions, to keep offsets
 * that are in use and to move members between the protocols, and assignments, to carry them over. Version 0 is a prefix of every
 * later version, so a version that is not known yet is read as the newest that is.
 */
import { DecodeError, Reader } from "../../protocol/reader.ts";
import { Writer } from "../../protocol/writer.ts";

export interface NamedPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface Subscription {
  readonly version: number;
  readonly topics: readonly string[];
  /** What the member had when it joined; empty before version 1. */
  readonly ownedPartitions: readonly NamedPartitions[];
  /** In which it had them; -1 before version 2. */
  readonly generationId: number;
  readonly rackId: string | null;
}

export interface Assignment {
  readonly partitions: readonly NamedPartitions[];
  /** Of an assignor that told its members more than Kafka's do. */
  readonly hasUserData: boolean;
}

/** A string's length takes two bytes, a topic with its count of partitions six. */
const nameSizeMin = 2;
const topicSizeMin = 6;

/** Undefined when these are not the bytes of a subscription. */
export function readSubscription(bytes: Uint8Array): Subscription | undefined {
  return orUndefined(() => {
    const reader = new Reader(bytes);
    const version = versionOf(reader);
    const topics = list(reader, nameSizeMin, () => text(reader));
    skipBytes(reader);
    const ownedPartitions = version >= 1 ? namedPartitions(reader) : [];
    const generationId = version >= 2 ? reader.int32() : -1;
    return { version, topics, ownedPartitions, generationId, rackId: version >= 3 ? nullableText(reader) : null };
  });
}

/** The topics alone, for which version 0 is enough. */
export function readSubscribedTopics(bytes: Uint8Array): readonly string[] | undefined {
  return orUndefined(() => {
    const reader = new Reader(bytes);
    versionOf(reader);
    return list(reader, nameSizeMin, () => text(reader));
  });
}

/** Undefined when these are not the bytes of an assignment. A member that was never assigned anything has no bytes. */
export function readAssignment(bytes: Uint8Array): Assignment | undefined {
  if (bytes.length === 0) return { partitions: [], hasUserData: false };
  return orUndefined(() => {
    const reader = new Reader(bytes);
    versionOf(reader);
    return { partitions: namedPartitions(reader), hasUserData: skipBytes(reader) > 0 };
  });
}

/** The newest version there is; assignments look the same in all of them. */
const versionMax = 3;

/** In the version of the member's subscription: it reads that one for certain. */
export function writeAssignment(topics: readonly NamedPartitions[], version: number): Uint8Array {
  const writer = new Writer();
  writer.int16(Math.min(version, versionMax));
  writer.length(topics.length, false);
  for (const { topic, partitions } of topics) {
    writer.text(topic, false);
    writer.length(partitions.length, false);
    for (const partition of partitions) writer.int32(partition);
  }
  writer.length(-1, false);
  const [bytes] = writer.finish();
  return bytes!;
}

function versionOf(reader: Reader): number {
  const version = reader.int16();
  if (version < 0) throw new DecodeError(`version ${version} of the consumer protocol`);
  return version;
}

function list<Item>(reader: Reader, itemSizeMin: number, read: () => Item): Item[] {
  const count = reader.length();
  if (count < 0) throw new DecodeError("a list that is null");
  reader.checkCount(count, itemSizeMin);
  return Array.from({ length: count }, read);
}

function namedPartitions(reader: Reader): NamedPartitions[] {
  return list(reader, topicSizeMin, () => ({ topic: text(reader), partitions: list(reader, 4, () => reader.int32()) }));
}

function nullableText(reader: Reader): string | null {
  const length = reader.shortLength();
  return length < 0 ? null : reader.text(length);
}

function text(reader: Reader): string {
  const value = nullableText(reader);
  if (value === null) throw new DecodeError("a name that is null");
  return value;
}

/** Answers how many there were. */
function skipBytes(reader: Reader): number {
  const length = Math.max(reader.length(), 0);
  reader.skip(length);
  return length;
}

function orUndefined<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
