/**
 * CreatePartitions, versions 0–3. The answer comes when the new partitions can be written to; brokers that have not asked the controller
 * since learn of them with the next metadata request. KIP-195.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { defineHandler } from "./define-handler.ts";
import { MutationQuota, quotaExceeded } from "./mutation-quota.ts";
import { controllerUnreachable } from "./unreachable.ts";

export const createPartitionsHandler = defineHandler({
  api: createPartitions,
  versions: [0, 3],
  async handle({ topics, validateOnly }, context) {
    const { services } = context;
    const quota = new MutationQuota(context, 3);
    const names = topics.map(({ name }) => name);
    const duplicates = new Set(names.filter((name) => names.indexOf(name) !== names.lastIndexOf(name)));
    const single = topics.filter(({ name }) => !duplicates.has(name));
    const added = ({ name, count }: (typeof topics)[number]) => count - (services.catalog.lastByName(name)?.partitions.length ?? 0);
    const asked = single.filter((topic) => validateOnly || quota.allows(added(topic)));
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
        ...single.filter((topic) => !asked.includes(topic)).map(({ name }) => ({ name, ...quotaExceeded })),
        ...[...duplicates].map((name) => ({
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
