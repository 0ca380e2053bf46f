/**
 * CreatePartitions, versions 0–3. The answer comes when the new partitions can be written to; brokers that have not asked the controller
 * since learn of them with the next metadata request. KIP-195.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { defineHandler } from "./define-handler.ts";
import { MutationQuota, quotaExceeded } from "./mutation-quota.ts";
import { repeated } from "./repeated.ts";
import { controllerUnreachable } from "./unreachable.ts";

export const createPartitionsHandler = defineHandler({
  api: createPartitions,
  versions: [0, 3],
  async handle({ topics, validateOnly }, context) {
    const { services } = context;
    const quota = new MutationQuota(context, 3);
    const names = topics.map(({ name }) => name);
    const duplicates = repeated(names);
    const single = topics.filter(({ name }) => !duplicates.has(name));
    const added = ({ name, count }: (typeof topics)[number]) => count - (services.catalog.lastByName(name)?.partitions.length ?? 0);
    const refused = new Set<string>();
    if (!validateOnly) for (const topic of single) if (!quota.allows(added(topic))) refused.add(topic.name);
    const asked = single.filter(({ name }) => !refused.has(name));
    const requests = asked.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }));
    const outcomes = requests.length === 0 ? [] : await services.controller.createPartitions(requests, validateOnly);
    services.catalog.invalidate();
    return {
      throttleTimeMs: quota.throttleTimeMs,
      results: [
        ...Array.from(refused, (name) => ({ name, ...quotaExceeded })),
        ...Array.from(duplicates, (name) => ({
          name,
          errorCode: errorCodes.INVALID_REQUEST,
          errorMessage: "Duplicate topic name.",
        })),
        ...asked.map(({ name }, index) => ({ name, ...outcomes[index] })),
      ],
    };
  },
  unreachable: ({ topics }) => ({ results: topics.map(({ name }) => ({ name, ...controllerUnreachable })) }),
});
