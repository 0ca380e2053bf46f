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
import { repeated } from "./repeated.ts";
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
    const said: Said = {
      twice: repeated(asked.map(keyOf)),
      names: new Set(asked.flatMap(({ name, topicId }) => (topicId === zeroId && name !== null ? [name] : []))),
      ids: new Set(asked.map(({ topicId }) => topicId)),
    };
    const found = asked.map((topic) => {
      const answer = resolve(topic, said, services);
      const partitions = services.catalog.lastById(answer.topicId ?? zeroId)?.partitions.length ?? 0;
      return answer.errorCode !== errorCodes.NONE || quota.allows(partitions) ? answer : { ...answer, ...quotaExceeded };
    });
    const ids = found.flatMap((topic) => (topic.errorCode === errorCodes.NONE ? [topic.topicId ?? zeroId] : []));
    const outcomes = ids.length === 0 ? [] : await services.controller.deleteTopics(ids);
    services.catalog.invalidate();
    const byId = new Map(ids.map((id, index) => [id, outcomes[index]]));
    const unique = new Map<string, Answered>();
    for (const topic of found) if (!unique.has(keyOf(topic))) unique.set(keyOf(topic), topic);
    return {
      throttleTimeMs: quota.throttleTimeMs,
      responses: Array.from(unique.values(), (topic) => ({ ...topic, ...byId.get(topic.topicId ?? "") })),
    };
  },
  unreachable: (request) => ({ responses: askedOf(request).map((topic) => ({ ...topic, ...controllerUnreachable })) }),
});

function askedOf({ topicNames, topics }: RequestOf<typeof deleteTopics>): readonly Asked[] {
  return [...topicNames.map((name): Asked => ({ name, topicId: zeroId })), ...topics];
}

/** All that a request names, to find what it names more than once, perhaps in both ways. */
interface Said {
  readonly twice: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
}

function keyOf({ name, topicId }: { readonly name?: string | null; readonly topicId?: string }): string {
  return name === null ? `${topicId}` : `${topicId} ${name}`;
}

function resolve(asked: Asked, said: Said, { catalog }: BrokerServices): Answered {
  const { name, topicId } = asked;
  const refuse = (errorCode: number, errorMessage: string): Answered => ({ name, topicId, errorCode, errorMessage });
  if (name !== null && topicId !== zeroId) {
    return refuse(errorCodes.INVALID_REQUEST, "You may not specify both topic name and topic id.");
  }
  if (name === null && topicId === zeroId) return refuse(errorCodes.INVALID_REQUEST, "Neither topic name nor id were specified.");
  if (said.twice.has(keyOf(asked))) {
    return refuse(errorCodes.INVALID_REQUEST, name === null ? "Duplicate topic id." : "Duplicate topic name.");
  }
  const topic = name === null ? catalog.lastById(topicId) : catalog.lastByName(name);
  if (topic === undefined) {
    return name === null
      ? refuse(errorCodes.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
      : refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
  }
  if (name === null ? said.names.has(topic.name) : said.ids.has(topic.id)) {
    // One answer for both ways of naming it.
    const errorMessage = "The provided topic name maps to an ID that was already supplied.";
    return { name: topic.name, topicId: topic.id, errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  return { name: topic.name, topicId: topic.id, errorCode: errorCodes.NONE, errorMessage: null };
}
