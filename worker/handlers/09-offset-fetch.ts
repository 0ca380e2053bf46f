/**
 * OffsetFetch, versions 1–10. Several groups at once from version 8; offsets of topics that were deleted are not shown, and their
 * group is told to forget them. KIP-447 (RequireStable), KIP-709 (groups), KIP-848 (member epochs), KIP-1186 (topic ids).
 */
import type { AskableGroup } from "../../core/group/absent-group.ts";
import type { FetchedPartition, OffsetFetchAnswer } from "../../core/group/requests.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { defineHandler } from "./define-handler.ts";
import { known, resolveTopics } from "./group-requests.ts";
import { namedGroups } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { unknownTopicCode } from "./topics.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

interface AskedTopic {
  readonly name: string;
  readonly topicId?: string;
  readonly partitionIndexes: readonly number[];
}

interface AskedGroup {
  readonly groupId: string;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly topics: readonly AskedTopic[] | null;
}

export const offsetFetchHandler = defineHandler({
  api: offsetFetch,
  versions: [1, 10],
  async handle(request, context) {
    if (context.apiVersion >= 8) {
      const find = await namedGroups(
        request.groups.map(({ groupId }) => groupId),
        context.services,
      );
      const groups = await sideBySide(request.groups, (asked) =>
        fetchGroup(find(asked.groupId), asked, request.requireStable, context),
      );
      return { groups };
    }
    const asked = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics: request.topics };
    const group = context.services.group(request.groupId);
    const { errorCode, topics } = await fetchGroup(group, asked, request.requireStable, context);
    return context.apiVersion >= 2 || errorCode === errorCodes.NONE
      ? { errorCode, topics }
      : failedAtPartitions(request, errorCode);
  },
  unreachable(request, { apiVersion }) {
    const errorCode = coordinatorUnreachable;
    if (apiVersion >= 8) return { groups: request.groups.map(({ groupId }) => ({ groupId, errorCode, topics: [] })) };
    return apiVersion >= 2 ? { errorCode, topics: [] } : failedAtPartitions(request, errorCode);
  },
});

/** Version 1 has no place for the group's error but the partitions. */
function failedAtPartitions({ topics }: { readonly topics: readonly AskedTopic[] | null }, errorCode: number) {
  return { topics: (topics ?? []).map((topic) => emptyTopic(topic, errorCode)) };
}

async function fetchGroup(group: AskableGroup, asked: AskedGroup, requireStable: boolean, context: RequestContext) {
  const { groupId, memberId, memberEpoch } = asked;
  if (asked.topics === null) {
    const all = await group.fetchOffsets({ memberId, memberEpoch, topics: null, requireStable });
    return { groupId, errorCode: all.errorCode, topics: (await stillThere(all.topics, groupId, context)).map(shown) };
  }
  const byId = context.apiVersion >= 10;
  const resolved = await resolveTopics(asked.topics, context, byId);
  const topics = known(resolved).map(({ topic, entry }) => ({
    topicId: entry.id,
    name: entry.name,
    partitions: topic.partitionIndexes,
  }));
  const answer = await group.fetchOffsets({ memberId, memberEpoch, topics, requireStable });
  if (answer.errorCode !== errorCodes.NONE) return { groupId, errorCode: answer.errorCode, topics: [] };
  let answered = 0;
  return {
    groupId,
    errorCode: answer.errorCode,
    topics: resolved.map(({ topic, entry }) => {
      const fetched = entry === undefined ? undefined : answer.topics[answered++];
      // By name a topic that does not exist simply has no offsets.
      return fetched === undefined ? emptyTopic(topic, byId ? unknownTopicCode(byId) : errorCodes.NONE) : shown(fetched);
    }),
  };
}

async function stillThere(topics: OffsetFetchAnswer["topics"], groupId: string, { services }: RequestContext) {
  const entries = await Promise.all(topics.map(({ topicId }) => services.catalog.byId(topicId)));
  const gone = topics.filter((_, index) => entries[index] === undefined).map(({ topicId }) => topicId);
  if (gone.length > 0) await services.group(groupId).forgetTopics(gone);
  return topics.filter((_, index) => entries[index] !== undefined);
}

function shown({ name, topicId, partitions }: OffsetFetchAnswer["topics"][number]) {
  return { name, topicId, partitions: partitions.map(shownPartition) };
}

function emptyTopic({ name, topicId, partitionIndexes }: AskedTopic, errorCode: number) {
  const partitions = partitionIndexes.map((partition) =>
    shownPartition({ partition, offset: -1, leaderEpoch: -1, metadata: "", errorCode }),
  );
  return { name, topicId, partitions };
}

function shownPartition({ partition, offset, leaderEpoch, metadata, errorCode }: FetchedPartition) {
  return {
    partitionIndex: partition,
    committedOffset: BigInt(offset),
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode,
  };
}
