/**
 * What consumers say to each other through a classic group, as far as a coordinator must know it: subscriptions, to keep offsets
 * that are in use and to move members between the protocols, and assignments, to carry them over.
 */
import { decodeData, encodeData } from "../../protocol/codec.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../../protocol/messages/consumer-protocol.ts";
import { DecodeError } from "../../protocol/reader.ts";

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

/** Undefined when these are not the bytes of a subscription. */
export function readSubscription(bytes: Uint8Array): Subscription | undefined {
  return orUndefined(() => {
    const { version, value } = decodeData(consumerProtocolSubscription, bytes);
    const { topics, ownedPartitions, generationId, rackId } = value;
    return { version, topics, ownedPartitions, generationId, rackId };
  });
}

/** Undefined when these are not the bytes of an assignment. A member that was never assigned anything has no bytes. */
export function readAssignment(bytes: Uint8Array): Assignment | undefined {
  if (bytes.length === 0) return { partitions: [], hasUserData: false };
  return orUndefined(() => {
    const { value } = decodeData(consumerProtocolAssignment, bytes);
    return { partitions: value.assignedPartitions, hasUserData: (value.userData?.length ?? 0) > 0 };
  });
}

/** In the version of the member's subscription: it reads that one for certain. */
export function writeAssignment(assignedPartitions: readonly NamedPartitions[], version: number): Uint8Array {
  const [, newest] = consumerProtocolAssignment.versions;
  return encodeData(consumerProtocolAssignment, Math.min(version, newest), { assignedPartitions });
}

function orUndefined<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
