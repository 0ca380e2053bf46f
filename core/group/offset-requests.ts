/**
 * Who may commit, fetch and delete offsets, and which of them may be forgotten: questions to which both kinds of group have an
 * answer of their own. The offsets themselves are kept in offsets.ts.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { ClassicGroup } from "./classic/group.ts";
import { checkCommit as checkClassicCommit } from "./classic/requests.ts";
import { isSubscribed as isSubscribedClassic } from "./classic/subscription.ts";
import type { ConsumerGroup } from "./consumer/group.ts";
import { checkConsumerCommit, checkConsumerFetch } from "./consumer/offset-checks.ts";
import type { IsUnstable, OffsetKeys, Offsets } from "./offsets.ts";
import type {
  ClientFacts,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetDeleteRequest,
  OffsetFetchAnswer,
  OffsetFetchRequest,
} from "./requests.ts";
import type { TransactionalOffsets } from "./transactional-offsets.ts";

/** The group, of one kind or of none. */
interface GroupKind {
  readonly classic: ClassicGroup | undefined;
  readonly consumer: ConsumerGroup | undefined;
}

interface GroupWithOffsets extends GroupKind {
  readonly offsets: Offsets;
  readonly transactional: TransactionalOffsets;
  removeOffsets(keys: readonly OffsetKeys[]): Uint8Array | undefined;
}

export function checkCommit(group: GroupKind, request: OffsetCommitRequest, { apiVersion }: ClientFacts, now: number): number {
  if (group.consumer !== undefined) return checkConsumerCommit(group.consumer, request, apiVersion);
  if (group.classic !== undefined) return checkClassicCommit(group.classic, request, now);
  if (request.generationId < 0) return errorCodes.NONE;
  return apiVersion >= 9 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.ILLEGAL_GENERATION;
}

export function fetchOffsets(group: GroupWithOffsets, request: OffsetFetchRequest): OffsetFetchAnswer {
  const { consumer, offsets, transactional } = group;
  const errorCode = consumer === undefined ? errorCodes.NONE : checkConsumerFetch(consumer, request);
  const isUnstable: IsUnstable = (topicId, partition) => transactional.isUnstable(topicId, partition);
  return { errorCode, topics: errorCode === errorCodes.NONE ? offsets.fetch(request, isUnstable) : [] };
}

/** Answers also the row for what was deleted. */
export function deleteOffsets(
  group: GroupWithOffsets,
  { topics }: OffsetDeleteRequest,
): { readonly answer: OffsetDeleteAnswer; readonly entry: Uint8Array | undefined } {
  const { classic, consumer } = group;
  const refuse = (errorCode: number) => ({ answer: { errorCode, partitionErrors: [] }, entry: undefined });
  if (classic === undefined && consumer === undefined) return refuse(errorCodes.GROUP_ID_NOT_FOUND);
  if (classic !== undefined && classic.state !== "Empty" && classic.protocolType !== "consumer") {
    return refuse(errorCodes.NON_EMPTY_GROUP);
  }
  const subscribed = topics.map(({ name }) => isSubscribed(group, name));
  const entry = group.removeOffsets(topics.filter((_, index) => !subscribed[index]));
  const partitionErrors = topics.map(({ partitions }, index) =>
    partitions.map(() => (subscribed[index] ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE)),
  );
  return { answer: { errorCode: errorCodes.NONE, partitionErrors }, entry };
}

function isSubscribed({ classic, consumer }: GroupKind, topic: string): boolean {
  if (consumer !== undefined) return consumer.isSubscribedTo(topic);
  return classic !== undefined && isSubscribedClassic(classic, topic);
}

/**
 * Since when offsets count as unused at the earliest; undefined when all are in use or might be. With members only those of topics
 * that nobody subscribes to can be: each is kept for its time from its last commit on.
 */
function unusedSince({ classic, consumer }: GroupKind): number | undefined {
  if (consumer !== undefined) return 0;
  if (classic === undefined || classic.protocolType === null) return 0;
  if (classic.state === "Empty") return classic.stateSince;
  return classic.state === "Stable" && classic.protocolType === "consumer" ? 0 : undefined;
}

/** When each offset may be forgotten, as things are now; not while a transaction is going to replace it. */
export function* expirations(group: GroupWithOffsets, retentionMs: number) {
  const since = unusedSince(group);
  if (since === undefined) return;
  const subscribed = new Map<string, boolean>();
  for (const expiration of group.offsets.expirations(retentionMs, since)) {
    const { name, topicId, partitions } = expiration;
    if (partitions.some((partition) => group.transactional.isUnstable(topicId, partition))) continue;
    let isInUse = subscribed.get(name);
    if (isInUse === undefined) subscribed.set(name, (isInUse = isSubscribed(group, name)));
    if (!isInUse) yield expiration;
  }
}
