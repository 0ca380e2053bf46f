/**
 * OffsetForLeaderEpoch, versions 2–4. Tells a client where a leader epoch ended, so that it notices when its offset belongs to a log
 * that was cut. Leaders answer; a broker only checks what it knows. KIP-320.
 */
import type { EpochEndAnswer, EpochEndQuery } from "../../core/coordinator.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { offsetForLeaderEpoch } from "../../protocol/messages/23-offset-for-leader-epoch.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { againWhenDenied, findTopicWith, heedLeader, leaderEpochError } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Topic = RequestOf<typeof offsetForLeaderEpoch>["topics"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof offsetForLeaderEpoch>["topics"]>[number]["partitions"]>[number];

export const offsetForLeaderEpochHandler = defineHandler({
  api: offsetForLeaderEpoch,
  versions: [2, 4],
  async handle(request, context) {
    const { topics, answers } = await againWhenDenied(context.services.catalog, async () => {
      const queries = new ByCell<EpochEndQuery>();
      const topics = await Promise.all(request.topics.map((topic) => ask(topic, queries, context)));
      return {
        topics,
        answers: await queries.ask((cell, asked) => context.services.coordinator(cell).epochEnds(asked), unanswered),
      };
    });
    return {
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((partition): Answered => {
          if (typeof partition !== "symbol") return partition;
          const { errorCode, leaderEpoch, endOffset, ...asked } = answers.get(partition)!;
          heedLeader(context.services.catalog, errorCode);
          return { partition: asked.partition, errorCode, leaderEpoch, endOffset: BigInt(endOffset) };
        }),
      })),
    };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: leaderUnreachable })),
    })),
  }),
});

/** The client asks again; the other partitions have their answers. */
function unanswered({ topicId, partition }: EpochEndQuery): EpochEndAnswer {
  return { topicId, partition, errorCode: leaderUnreachable, leaderEpoch: -1, endOffset: -1 };
}

async function ask({ topic, partitions }: Topic, queries: ByCell<EpochEndQuery>, { services }: RequestContext) {
  const entry = await findTopicWith(
    services.catalog,
    topic,
    partitions.map(({ partition }) => partition),
  );
  return {
    topic,
    partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }): Answered | symbol => {
      const known = entry?.partitions[partition];
      if (entry === undefined || known === undefined) return { partition, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
      const errorCode = leaderEpochError(known.leaderEpoch, currentLeaderEpoch);
      // No epoch ends nowhere.
      if (errorCode !== errorCodes.NONE || leaderEpoch === -1) return { partition, errorCode };
      return queries.add(known.cell, { topicId: entry.id, partition, leaderEpoch });
    }),
  };
}
