/**
 * ElectLeaders, versions 0–2. Leaders are not elected: every partition has its preferred one already, and that is the answer. KIP-460.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { electLeaders } from "../../protocol/messages/43-elect-leaders.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerUnreachable } from "./unreachable.ts";

const preferred = 0;
const unclean = 1;

type TopicPartitions = NonNullable<RequestOf<typeof electLeaders>["topicPartitions"]>;

export const electLeadersHandler = defineHandler({
  api: electLeaders,
  versions: [0, 2],
  async handle({ electionType, topicPartitions }, { services }) {
    if (electionType !== preferred && electionType !== unclean) return unknownElection(electionType, topicPartitions ?? []);
    // For all partitions Kafka names only those whose leader changed.
    if (topicPartitions === null) return {};
    await services.catalog.all();
    return {
      replicaElectionResults: topicPartitions.map(({ topic, partitions }) => {
        const entry = services.catalog.lastByName(topic);
        return {
          topic,
          partitionResult: partitions.map((partitionId) => {
            const unknown = entry === undefined ? `No such topic as ${topic}` : `No such partition as ${topic}-${partitionId}`;
            return entry?.partitions[partitionId] === undefined
              ? { partitionId, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: unknown }
              : {
                  partitionId,
                  errorCode: errorCodes.ELECTION_NOT_NEEDED,
                  errorMessage: "Leader election not needed for topic partition.",
                };
          }),
        };
      }),
    };
  },
  unreachable: ({ topicPartitions }) => ({
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, ...controllerUnreachable })),
    })),
  }),
});

/** Said of each partition as well as of the whole, as Kafka does. */
function unknownElection(electionType: number, asked: TopicPartitions) {
  const refused = { errorCode: errorCodes.INVALID_REQUEST, errorMessage: `Unknown election type ${electionType}` };
  const replicaElectionResults = asked.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, ...refused })),
  }));
  return { errorCode: errorCodes.INVALID_REQUEST, replicaElectionResults };
}
