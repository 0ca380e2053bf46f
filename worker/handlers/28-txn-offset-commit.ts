/**
 * TxnOffsetCommit, versions 0–5. The transaction's coordinator must say that the group is part of it (KIP-890), from version 5 on the
 * broker makes it so; then the group keeps the offsets until the end. KIP-98, KIP-447 (fencing by member and generation).
 */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { isGroupId, isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { known, type Resolved, resolveTopics } from "./group-requests.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof txnOffsetCommit>;
type Topic = Request["topics"][number];

/** The first version whose clients leave the adding of groups to brokers. */
const addingVersion = 5;
/** The first that knows TRANSACTION_ABORTABLE. */
const abortableFrom = 4;
/** The first whose clients bear a coordinator that is loading (KAFKA-7296). */
const loadingFrom = 2;

export const txnOffsetCommitHandler = defineHandler({
  api: txnOffsetCommit,
  versions: [0, 5],
  async handle(request, context) {
    const resolved = await resolveTopics(request.topics, context, false);
    const partitionErrors = await commit(request, known(resolved), context);
    let answered = 0;
    return {
      topics: resolved.map(({ topic: { name, partitions }, entry }) => {
        const errors = entry === undefined ? undefined : partitionErrors[answered++]!;
        return {
          name,
          partitions: partitions.map(({ partitionIndex }, index) => ({
            partitionIndex,
            errorCode: shown(errors?.[index] ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION, context.apiVersion),
          })),
        };
      }),
    };
  },
  unreachable: ({ topics }, { apiVersion }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: shown(coordinatorUnreachable, apiVersion),
      })),
    })),
  }),
});

async function commit(
  request: Request,
  asked: readonly (Resolved<Topic> & { readonly entry: { readonly id: string; readonly name: string } })[],
  context: RequestContext,
): Promise<readonly (readonly number[])[]> {
  const refuse = (errorCode: number) => asked.map(({ topic }) => topic.partitions.map(() => errorCode));
  const { transactionalId, groupId, producerEpoch, generationId, memberId, groupInstanceId } = request;
  if (transactionalId === "" || !isTransactionalId(transactionalId)) return refuse(errorCodes.INVALID_REQUEST);
  if (groupId === "" || !isGroupId(groupId)) return refuse(errorCodes.INVALID_GROUP_ID);
  if (asked.length === 0) return [];
  const producer = { producerId: Number(request.producerId), producerEpoch };
  const admission = { ...producer, add: context.apiVersion >= addingVersion, partitions: [], groups: [groupId] };
  const { errorCodes: codes, generation } = await context.services.transaction(transactionalId).admit(admission);
  if (codes[0] !== errorCodes.NONE) return refuse(codes[0]!);
  const topics = asked.map(({ topic, entry }) => ({
    topicId: entry.id,
    name: entry.name,
    partitions: topic.partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
      partition: partitionIndex,
      offset: Number(committedOffset),
      leaderEpoch: committedLeaderEpoch,
      metadata: committedMetadata,
    })),
  }));
  const sent = { ...producer, transactionGeneration: generation, generationId, memberId, groupInstanceId, topics };
  return (await context.services.group(groupId).commitTransactionalOffsets(sent)).partitionErrors;
}

function shown(errorCode: number, apiVersion: number): number {
  switch (errorCode) {
    case errorCodes.PRODUCER_FENCED:
      return errorCodes.INVALID_PRODUCER_EPOCH;
    case errorCodes.TRANSACTION_ABORTABLE:
      return apiVersion >= abortableFrom ? errorCode : errorCodes.INVALID_TXN_STATE;
    case errorCodes.COORDINATOR_LOAD_IN_PROGRESS:
      return apiVersion >= loadingFrom ? errorCode : errorCodes.COORDINATOR_NOT_AVAILABLE;
    default:
      return errorCode;
  }
}
