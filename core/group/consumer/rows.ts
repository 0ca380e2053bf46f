/**
 * The rows of a consumer group: each says what one heartbeat or one expiry changed, so a heartbeat that changes nothing writes
 * nothing and a member that takes a step writes one small row.
 */
import { ByteWriter, type ByteReader } from "../bytes.ts";
import { consumerKind } from "../entries.ts";
import type { ClassicMembership, ConsumerMember, MemberState } from "./member.ts";
import type { SubscribedTopics } from "./subscriptions.ts";
import type { Target } from "./assignors.ts";
import { TopicPartitions } from "./topic-partitions.ts";

const states: readonly MemberState[] = ["Stable", "UnrevokedPartitions", "UnreleasedPartitions"];

export interface ConsumerChange {
  readonly groupEpoch: number;
  readonly targetEpoch: number;
  readonly assignorName: string;
  /** Since when the group has been without members; 0 while it has some. */
  readonly emptySince: number;
  readonly removed: readonly string[];
  readonly members: readonly ConsumerMember[];
  /** Undefined: as before. */
  readonly target: Target | undefined;
  readonly topics: SubscribedTopics | undefined;
}

export function consumerEntry(change: ConsumerChange): Uint8Array {
  const writer = new ByteWriter().int(consumerKind);
  writeChange(change, writer);
  return writer.finish();
}

export function writeChange(change: ConsumerChange, writer: ByteWriter): void {
  writer.int(change.groupEpoch).int(change.targetEpoch).string(change.assignorName).int(change.emptySince);
  writer.list(change.removed, change.removed.length, (memberId) => writer.string(memberId));
  writer.list(change.members, change.members.length, (member) => writeMember(member, writer));
  writer.int(change.target === undefined ? 0 : 1);
  if (change.target !== undefined) {
    writer.list(change.target, change.target.size, ([memberId, partitions]) => partitions.write(writer.string(memberId)));
  }
  writer.int(change.topics === undefined ? 0 : 1);
  if (change.topics !== undefined) {
    writer.list(change.topics, change.topics.size, ([name, { id, partitions }]) => writer.string(name).string(id).int(partitions));
  }
}

/** `withClassic`: false for rows of a time when there was no such member. */
export function readChange(reader: ByteReader, withClassic: boolean): ConsumerChange {
  return {
    groupEpoch: reader.int(),
    targetEpoch: reader.int(),
    assignorName: reader.string(),
    emptySince: reader.int(),
    removed: reader.list(() => reader.string()),
    members: reader.list(() => readMember(reader, withClassic)),
    target: reader.int() === 0 ? undefined : new Map(reader.list(() => [reader.string(), TopicPartitions.read(reader)] as const)),
    topics:
      reader.int() === 0
        ? undefined
        : new Map(reader.list(() => [reader.string(), { id: reader.string(), partitions: reader.int() }] as const)),
  };
}

function writeMember(member: ConsumerMember, writer: ByteWriter): void {
  writer.string(member.memberId).nullableString(member.instanceId).nullableString(member.rackId);
  writer.string(member.clientId).string(member.clientHost).int(member.rebalanceTimeoutMs);
  const names = member.subscribedTopicNames;
  writer.list(names, names.length, (name) => writer.string(name));
  writer.nullableString(member.subscribedTopicRegex).nullableString(member.serverAssignor);
  writer.int(member.memberEpoch).int(member.previousMemberEpoch).int(states.indexOf(member.state));
  member.assigned.write(writer);
  member.pendingRevocation.write(writer);
  writer.int(member.classic === null ? 0 : 1);
  if (member.classic === null) return;
  const { sessionTimeoutMs, protocols } = member.classic;
  writer.int(sessionTimeoutMs).list(protocols, protocols.length, ({ name, metadata }) => writer.string(name).bytes(metadata));
}

function readMember(reader: ByteReader, withClassic: boolean): ConsumerMember {
  return {
    memberId: reader.string(),
    instanceId: reader.nullableString(),
    rackId: reader.nullableString(),
    clientId: reader.string(),
    clientHost: reader.string(),
    rebalanceTimeoutMs: reader.int(),
    subscribedTopicNames: reader.list(() => reader.string()),
    subscribedTopicRegex: reader.nullableString(),
    serverAssignor: reader.nullableString(),
    memberEpoch: reader.int(),
    previousMemberEpoch: reader.int(),
    state: states[reader.int()]!,
    assigned: TopicPartitions.read(reader),
    pendingRevocation: TopicPartitions.read(reader),
    classic: withClassic && reader.int() === 1 ? readClassic(reader) : null,
  };
}

function readClassic(reader: ByteReader): ClassicMembership {
  return {
    sessionTimeoutMs: reader.int(),
    protocols: reader.list(() => ({ name: reader.string(), metadata: reader.bytes() })),
  };
}
