/**
 * AddPartitionsToTxn, versions 0–5. Up to version 3 a client adds partitions to its transaction; from 4 on it is what brokers ask each
 * other, for many transactions and perhaps only to verify, and some clients send that form too. Partitions that do not exist make the
 * whole transaction's request fail, and the others hear that they were not tried. KIP-98, KIP-890.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import { isTransactionalId } from "../../durable-objects/names.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { fencedError } from "./fenced-error.ts";
import { mayExist } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { findPartitions } from "./topics.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof addPartitionsToTxn>;

const batchedFrom = 4;
const fencedFrom = 2;
/** The first version that Kafka answers with TRANSACTION_ABORTABLE, though clients know it from the next one on. */
const abortableFrom = 4;

interface Asked {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly verifyOnly: boolean;
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[];
}

export const addPartitionsToTxnHandler = defineHandler({
  api: addPartitionsToTxn,
  versions: [0, 5],
  async handle(request, context) {
    if (context.apiVersion >= batchedFrom) {
      const ids = request.transactions.map(({ transactionalId }) => transactionalId);
      const exists = await mayExist(ids, () => context.services.controller.transactions());
      const results = await sideBySide(request.transactions, (asked) => addAll(asked, exists, context));
      const resultsByTransaction = request.transactions.map(({ transactionalId }, index) => ({
        transactionalId,
        topicResults: results[index]!,
      }));
      return { resultsByTransaction };
    }
    return { resultsByTopicV3AndBelow: await addAll(askedIn(request), () => true, context) };
  },
  unreachable(request, { apiVersion }) {
    const failed = ({ topics }: Asked) => results(topics, () => coordinatorUnreachable);
    if (apiVersion < batchedFrom) return { resultsByTopicV3AndBelow: failed(askedIn(request)) };
    const resultsByTransaction = request.transactions.map((asked) => ({
      transactionalId: asked.transactionalId,
      topicResults: failed(asked),
    }));
    return { resultsByTransaction };
  },
});

function askedIn(request: Request): Asked {
  return {
    transactionalId: request.v3AndBelowTransactionalId,
    producerId: request.v3AndBelowProducerId,
    producerEpoch: request.v3AndBelowProducerEpoch,
    verifyOnly: false,
    topics: request.v3AndBelowTopics,
  };
}

async function addAll(asked: Asked, exists: (transactionalId: string) => boolean, context: RequestContext) {
  const { transactionalId, verifyOnly, producerId, producerEpoch, topics } = asked;
  const named = topics.map(({ name }) => ({ name, topicId: "" }));
  const hasAll = (position: number, count: number): boolean => topics[position]!.partitions.every((partition) => partition < count);
  const entries = await findPartitions(context.services.catalog, named, false, hasAll);
  const cellOf = (entry: TopicEntry | undefined, partition: number) => entry?.partitions[partition]?.cell;
  if (transactionalId === "" || !isTransactionalId(transactionalId)) return results(topics, () => errorCodes.INVALID_REQUEST);
  const isKnown = (topic: number, partition: number) => cellOf(entries[topic], partition) !== undefined;
  if (!topics.every(({ partitions }, topic) => partitions.every((partition) => isKnown(topic, partition)))) {
    return results(topics, (topic, partition) =>
      isKnown(topic, partition) ? errorCodes.OPERATION_NOT_ATTEMPTED : errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    );
  }
  if (!exists(transactionalId)) return results(topics, () => errorCodes.INVALID_PRODUCER_ID_MAPPING);
  const placed = topics.flatMap(({ partitions }, topic) =>
    partitions.map((partition) => {
      const entry = entries[topic]!;
      return { topicId: entry.id, partition, cell: cellOf(entry, partition)! };
    }),
  );
  const producer = { producerId: Number(producerId), producerEpoch };
  const reply = await context.services.transaction(transactionalId).admit({ ...producer, add: !verifyOnly, partitions: placed });
  const admitted = placed.filter((_, index) => reply.errorCodes[index] === errorCodes.NONE);
  if (admitted.length > 0) context.services.verified.add(producer, reply.generation, admitted);
  let at = 0;
  return results(topics, () => shownError(reply.errorCodes[at++]!, context.apiVersion));
}

function shownError(errorCode: number, apiVersion: number): number {
  if (errorCode === errorCodes.TRANSACTION_ABORTABLE && apiVersion < abortableFrom) return errorCodes.INVALID_TXN_STATE;
  return fencedError(errorCode, apiVersion, fencedFrom);
}

function results(topics: Asked["topics"], errorOf: (topic: number, partition: number) => number) {
  return topics.map(({ name, partitions }, topic) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: errorOf(topic, partitionIndex),
    })),
  }));
}
