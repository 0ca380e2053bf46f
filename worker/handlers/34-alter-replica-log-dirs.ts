/**
 * AlterReplicaLogDirs, versions 1–2. There is one directory, where everything is already: a move there is done, and others are not
 * there. A broker speaks for the partitions that it lists in DescribeLogDirs. KIP-113.
 */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { alterReplicaLogDirs } from "../../protocol/messages/34-alter-replica-log-dirs.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { logDir } from "./log-dir.ts";
import { leaderOf } from "./nodes.ts";

type Dirs = RequestOf<typeof alterReplicaLogDirs>["dirs"];
type Outcome = (name: string, partition: number, path: string) => number;

export const alterReplicaLogDirsHandler = defineHandler({
  api: alterReplicaLogDirs,
  versions: [1, 2],
  async handle({ dirs }, context) {
    await context.services.catalog.all();
    return answer(dirs, (name, partition, path) => outcome(name, partition, path, context));
  },
  unreachable: ({ dirs }) => answer(dirs, () => errorCodes.KAFKA_STORAGE_ERROR),
});

/** By topic: the partitions of one may be wanted in several directories. */
function answer(dirs: Dirs, errorCode: Outcome) {
  const results = new Map<string, { partitionIndex: number; errorCode: number }[]>();
  for (const { path, topics } of dirs) {
    for (const { name, partitions } of topics) {
      const answered = partitions.map((partition) => ({ partitionIndex: partition, errorCode: errorCode(name, partition, path) }));
      results.set(name, [...(results.get(name) ?? []), ...answered]);
    }
  }
  return { results: [...results].map(([topicName, partitions]) => ({ topicName, partitions })) };
}

function outcome(name: string, partition: number, path: string, context: RequestContext): number {
  if (path !== logDir) return errorCodes.LOG_DIR_NOT_FOUND;
  const topic = context.services.catalog.lastByName(name);
  const isHere = topic?.partitions[partition] !== undefined && leaderOf(context, topic.id, partition) === context.services.nodeId;
  return isHere ? errorCodes.NONE : errorCodes.REPLICA_NOT_AVAILABLE;
}
