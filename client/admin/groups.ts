/** What an administrator does with groups, of both protocols: who they are, who is in them, where they are, and that they be gone. */
import { decodeData } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { offsetDelete } from "../../protocol/messages/47-offset-delete.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { consumerProtocolAssignment } from "../../protocol/messages/consumer-protocol.ts";
import { commitOffsets, committedOffsets } from "../consumer/offsets.ts";
import { BrokerError, KafkaError, UnsupportedVersionError } from "../errors.ts";
import type { TopicPartition, TopicPartitionOffset } from "../records/record.ts";
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

export class GroupAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async listGroups(options: RetryOptions = {}): Promise<GroupListing[]> {
    await this.#cluster.refresh();
    const answers = await Promise.all(
      [...this.#cluster.metadata.brokers.keys()].map(
        async (node) =>
          await this.#cluster.ask({ node }, listGroups, {}, ({ errorCode }) => refuse(errorCode, "listing groups"), options),
      ),
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

  /** A group that nobody ever was in is described as dead, as Kafka does. */
  async describeGroup(groupId: string, options: RetryOptions = {}): Promise<GroupDescription> {
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

  /** Of all partitions the group has committed. */
  async groupOffsets(groupId: string, options: RetryOptions = {}): Promise<TopicPartitionOffset[]> {
    return await committedOffsets(this.#cluster, groupId, undefined, options);
  }

  /** Only while the group has no members. */
  async alterGroupOffsets(groupId: string, offsets: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<void> {
    const group = { groupId, generationId: -1, memberId: "", groupInstanceId: null };
    await commitOffsets(this.#cluster, group, offsets, options);
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

function refuse(errorCode: number, context: string, message?: string | null): void {
  if (errorCode !== 0) throw new BrokerError(errorCode, context, message);
}

function assignmentOf(assignment: Uint8Array): TopicPartition[] {
  const { value } = decodeData(consumerProtocolAssignment, assignment);
  return value.assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}
