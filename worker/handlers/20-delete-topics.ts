/**
 * DeleteTopics, versions 1–6. The topics are gone for clients when the answer comes; leaders forget them in their own time, and their
 * bytes go with the storage's lifecycle. KIP-516 (by id).
 */
import { zeroId } from "../../core/cluster/ids.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { MutationQuota, quotaExceeded } from "./mutation-quota.ts";
import { controllerUnreachable } from "./unreachable.ts";

type Answered = NonNullable<ResponseInput<typeof deleteTopics>["responses"]>[number];
interface Asked {
  readonly name: string | null;
  readonly topicId: string;
}

export const deleteTopicsHandler = defineHandler({
  api: deleteTopics,
  versions: [1, 6],
  async handle(request, context) {
    const { services } = context;
    const quota = new MutationQuota(context, 5);
    const asked = askedOf(request);
    // A stale catalog could delete a topic that was created anew under the old name: ask first.
    await services.catalog.all();
    const found = asked.map((topic) => {
      const answer = resolve(topic, asked, services);
      const partitions = services.catalog.lastById(answer.topicId ?? zeroId)?.partitions.length ?? 0;
      return answer.errorCode !== errorCodes.NONE || quota.allows(partitions) ? answer : { ...answer, ...quotaExceeded };
    });
    const ids = found.flatMap((topic) => (topic.errorCode === errorCodes.NONE ? [topic.topicId ?? zeroId] : []));
    const outcomes = ids.length === 0 ? [] : await services.controller.deleteTopics(ids);
    services.catalog.invalidate();
    const byId = new Map(ids.map((id, index) => [id, outcomes[index]]));
    const unique = found.filter(
      (topic, index) => found.findIndex((other) => other.name === topic.name && other.topicId === topic.topicId) === index,
    );
    return {
      throttleTimeMs: quota.throttleTimeMs,
      responses: unique.map((topic) => ({ ...topic, ...byId.get(topic.topicId ?? "") })),
    };
  },
  unreachable: (request) => ({ responses: askedOf(request).map((topic) => ({ ...topic, ...controllerUnreachable })) }),
});

function askedOf({ topicNames, topics }: RequestOf<typeof deleteTopics>): readonly Asked[] {
  return [...topicNames.map((name): Asked => ({ name, topicId: zeroId })), ...topics];
}

function resolve({ name, topicId }: Asked, all: readonly Asked[], { catalog }: BrokerServices): Answered {
  const refuse = (errorCode: number, errorMessage: string): Answered => ({ name, topicId, errorCode, errorMessage });
  if (name !== null && topicId !== zeroId) {
    return refuse(errorCodes.INVALID_REQUEST, "You may not specify both topic name and topic id.");
  }
  if (name === null && topicId === zeroId) return refuse(errorCodes.INVALID_REQUEST, "Neither topic name nor id were specified.");
  if (all.filter((other) => other.name === name && other.topicId === topicId).length > 1) {
    return refuse(errorCodes.INVALID_REQUEST, name === null ? "Duplicate topic id." : "Duplicate topic name.");
  }
  const topic = name === null ? catalog.lastById(topicId) : catalog.lastByName(name);
  if (topic === undefined) {
    return name === null
      ? refuse(errorCodes.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
      : refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
  }
  const isTheSame = (other: Asked) =>
    name === null ? other.name === topic.name && other.topicId === zeroId : other.topicId === topic.id;
  if (all.some(isTheSame)) {
    // One answer for both ways of naming it.
    const errorMessage = "The provided topic name maps to an ID that was already supplied.";
    return { name: topic.name, topicId: topic.id, errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  return { name: topic.name, topicId: topic.id, errorCode: errorCodes.NONE, errorMessage: null };
}
