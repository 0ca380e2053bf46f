/** What an administrator does with groups, of both protocols: who they are, who is in them, where they are, and that they be gone. */
import { decodeData } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { offsetDelete } from "../../protocol/messages/47-offset-delete.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { consumerProtocolAssignment } from "../../protocol/messages/consumer-protocol.ts";
import { leaveGroup } from "../../protocol/messages/13-leave-group.ts";
import { checkOffset } from "../checks.ts";
import { commitOffsets, committedOffsets, offsetsAt, place, timestampOf } from "../consumer/offsets.ts";
import { KafkaError, UnsupportedVersionError } from "../errors.ts";
import { type TopicPartition, type TopicPartitionOffset, partitionKey } from "../records/record.ts";
import { askEachBroker, refuse, unknownTopics } from "../wire/ask-many.ts";
import { type Cluster, type RetryOptions, groupKey } from "../wire/cluster.ts";
import { groupBy } from "../group-by.ts";

export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: string;
  /** "classic" or "consumer"; empty when the broker is too old to say. */
  readonly type: string;
}

export interface GroupMemberDescription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly assignment: readonly TopicPartition[];
}

export interface GroupDescription {
  readonly groupId: string;
  readonly type: "classic" | "consumer";
  readonly state: string;
  readonly assignor: string;
  readonly members: readonly GroupMemberDescription[];
}

export interface ResetOptions extends RetryOptions {
  /** All that the group has committed, when left out. */
  readonly partitions?: readonly TopicPartition[];
  /** Only says what would change. */
  readonly validateOnly?: boolean;
}

export interface OffsetChange extends TopicPartition {
  /** Undefined: the group had none. */
  readonly from: number | undefined;
  readonly to: number;
}

export class GroupAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async listGroups(options: RetryOptions = {}): Promise<GroupListing[]> {
    const answers = await askEachBroker(
      this.#cluster,
      listGroups,
      {},
      ({ errorCode }) => refuse(errorCode, "listing groups"),
      options,
    );
    const listed = answers.flatMap(({ groups }) =>
      groups.map(({ groupId, protocolType, groupState, groupType }) => ({
        groupId,
        protocolType,
        state: groupState,
        type: groupType.toLowerCase(),
      })),
    );
    return [...new Map(listed.map((group) => [group.groupId, group])).values()];
  }

  /** A group that nobody ever was in is described as dead, as Kafka does. One without a name may have offsets, and no members. */
  async describeGroup(groupId: string, options: RetryOptions = {}): Promise<GroupDescription> {
    if (groupId === "") return await this.#describeClassicGroup(groupId, options);
    try {
      return await this.#describeConsumerGroup(groupId, options);
    } catch (error) {
      const isOther = error instanceof KafkaError && error.code === errorCodes.GROUP_ID_NOT_FOUND;
      if (!isOther && !(error instanceof UnsupportedVersionError)) throw error;
      return await this.#describeClassicGroup(groupId, options);
    }
  }

  async #describeConsumerGroup(groupId: string, options: RetryOptions): Promise<GroupDescription> {
    const answer = await this.#cluster.ask(
      { coordinator: groupId, type: groupKey },
      consumerGroupDescribe,
      { groupIds: [groupId] },
      ({ groups }) => refuse(groups[0]?.errorCode ?? 0, `group ${groupId}`, groups[0]?.errorMessage),
      options,
    );
    const group = answer.groups[0]!;
    const members = group.members.map(({ memberId, instanceId, clientId, clientHost, assignment }) => ({
      memberId,
      groupInstanceId: instanceId,
      clientId,
      clientHost,
      assignment: assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
        partitions.map((partition) => ({ topic: topicName, partition })),
      ),
    }));
    return { groupId, type: "consumer", state: group.groupState, assignor: group.assignorName, members };
  }

  async #describeClassicGroup(groupId: string, options: RetryOptions): Promise<GroupDescription> {
    const answer = await this.#cluster.ask(
      { coordinator: groupId, type: groupKey },
      describeGroups,
      { groups: [groupId] },
      ({ groups }) => {
        const errorCode = groups[0]?.errorCode ?? 0;
        if (errorCode !== errorCodes.GROUP_ID_NOT_FOUND) refuse(errorCode, `group ${groupId}`);
      },
      options,
    );
    const group = answer.groups[0]!;
    const members = group.members.map(({ memberId, groupInstanceId, clientId, clientHost, memberAssignment }) => ({
      memberId,
      groupInstanceId,
      clientId,
      clientHost,
      assignment: memberAssignment.byteLength === 0 || group.protocolType !== "consumer" ? [] : assignmentOf(memberAssignment),
    }));
    return { groupId, type: "classic", state: group.groupState, assignor: group.protocolData, members };
  }

  async deleteGroups(groupIds: readonly string[], options: RetryOptions = {}): Promise<void> {
    for (const groupId of groupIds) {
      await this.#cluster.ask(
        { coordinator: groupId, type: groupKey },
        deleteGroups,
        { groupsNames: [groupId] },
        ({ results }) => refuse(results[0]?.errorCode ?? 0, `deleting group ${groupId}`),
        options,
      );
    }
  }

  /** Of all partitions the group has committed. What an open transaction will commit is neither told nor waited for. */
  async groupOffsets(groupId: string, options: RetryOptions = {}): Promise<TopicPartitionOffset[]> {
    return await committedOffsets(this.#cluster, groupId, undefined, { ...options, requireStable: false });
  }

  /** Only while the group has no members. */
  async alterGroupOffsets(groupId: string, offsets: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<void> {
    const group = { groupId, generationId: -1, memberId: "", groupInstanceId: null };
    await commitOffsets(this.#cluster, () => group, offsets, options);
  }

  /**
   * Puts a group's offsets at a time, at an end of the log or at an offset, within what the logs still have: of the partitions
   * named, or of all that the group has committed. Answers what changes; with `validateOnly` nothing does. Only while the group has
   * no members.
   */
  async resetGroupOffsets(
    groupId: string,
    to: "earliest" | "latest" | Date | { readonly offset: number },
    { partitions, validateOnly = false, ...options }: ResetOptions = {},
  ): Promise<OffsetChange[]> {
    const committed = await this.groupOffsets(groupId, options);
    const before = new Map(committed.map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]));
    const wanted = await this.#offsetsFor(partitions ?? committed, to, options);
    if (!validateOnly && wanted.length > 0) await this.alterGroupOffsets(groupId, wanted, options);
    return wanted.map(({ topic, partition, offset }) => {
      return { topic, partition, from: before.get(partitionKey(topic, partition)), to: offset };
    });
  }

  async #offsetsFor(
    partitions: readonly TopicPartition[],
    to: "earliest" | "latest" | Date | { readonly offset: number },
    options: RetryOptions,
  ): Promise<TopicPartitionOffset[]> {
    if (typeof to === "object" && !(to instanceof Date)) checkOffset(to.offset);
    const at = async (timestamp: number): Promise<number[]> => {
      const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp }));
      const final = { ...options, finalCodes: unknownTopics };
      return (await offsetsAt(this.#cluster, queries, "read_uncommitted", final)).map(({ offset }) => offset);
    };
    const first = await at(place.earliest);
    const last = await at(place.latest);
    const atTime = to instanceof Date ? await at(timestampOf(to)) : [];
    const wanted = (index: number): number => {
      if (to === "earliest") return first[index]!;
      if (to === "latest") return last[index]!;
      // Nothing is so young: the group goes on with what comes.
      if (to instanceof Date) return atTime[index]! < 0 ? last[index]! : atTime[index]!;
      return Math.min(last[index]!, Math.max(first[index]!, to.offset));
    };
    return partitions.map(({ topic, partition }, index) => ({ topic, partition, offset: wanted(index) }));
  }

  /** Puts members out of a classic group, by member id or by the instance id of static ones. */
  async removeGroupMembers(
    groupId: string,
    members: readonly ({ readonly memberId: string } | { readonly groupInstanceId: string })[],
    options: RetryOptions = {},
  ): Promise<void> {
    const reason = "removed by an administrator";
    await this.#cluster.ask(
      { coordinator: groupId, type: groupKey },
      leaveGroup,
      { groupId, members: members.map((member) => ({ memberId: "", ...member, reason })) },
      (answer) => {
        refuse(answer.errorCode, `removing members of group ${groupId}`);
        for (const { memberId, groupInstanceId, errorCode } of answer.members)
          refuse(errorCode, `removing ${groupInstanceId ?? memberId} of group ${groupId}`);
      },
      { ...options, versionMin: 3 },
    );
  }

  async deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[], options: RetryOptions = {}): Promise<void> {
    const topics = [...groupBy(partitions, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition }) => ({ partitionIndex: partition })),
    }));
    await this.#cluster.ask(
      { coordinator: groupId, type: groupKey },
      offsetDelete,
      { groupId, topics },
      (answer) => {
        refuse(answer.errorCode, `deleting offsets of group ${groupId}`);
        for (const { name, partitions: each } of answer.topics)
          for (const { partitionIndex, errorCode } of each) refuse(errorCode, `deleting the offset of ${name}-${partitionIndex}`);
      },
      options,
    );
  }
}

function assignmentOf(assignment: Uint8Array): TopicPartition[] {
  const { value } = decodeData(consumerProtocolAssignment, assignment);
  return value.assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}
