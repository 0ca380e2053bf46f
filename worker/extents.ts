/**
 * `GET /topics/<topic>/extents`: where a topic's bytes lie, partition by partition, for the console and for whoever else wants to look. The
 * answer is bounded: so many partitions from `first` on, so many runs of extents in all.
 */
import type { Context } from "hono";
import type { PartitionExtents } from "../core/cell/extent-runs.ts";
import type { TopicEntry } from "../core/cluster/catalog.ts";
import type { PartitionRef } from "../core/coordinator.ts";
import type { Env } from "../durable-objects/env.ts";
import { controllerName, isClusterName, leaderName } from "../durable-objects/names.ts";

const partitionsMax = 100;
const runsMax = 10_000;
const runsOfPartitionMax = 400;

export async function topicExtents(context: Context<{ Bindings: Env }>, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const first = Number(context.req.query("first") ?? "0");
  if (!Number.isSafeInteger(first) || first < 0) return context.text("first must be a partition's number\n", 400);
  const name = context.req.param("topic") ?? "";
  const controller = context.env.CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    topic(name: string): Promise<TopicEntry | undefined>;
  };
  // A cluster that nobody uses is not made by the asking.
  const topic = await controller.topic(name);
  if (topic === undefined) return context.text(`no topic ${name} in cluster ${cluster}\n`, 404);
  const wanted = topic.partitions
    .map(({ cell }, partition) => ({ cell, ref: { topicId: topic.id, partition } }))
    .slice(first, first + partitionsMax);
  const runs = Math.min(runsOfPartitionMax, Math.floor(runsMax / Math.max(1, wanted.length)));
  const byCell = Map.groupBy(wanted, ({ cell }) => cell);
  const answers = await Promise.all(
    [...byCell].map(async ([cell, each]) => {
      const leader = context.env.LEADER.getByName(leaderName(cluster, cell)) as unknown as {
        describeExtents(refs: readonly PartitionRef[], runs: number): Promise<readonly PartitionExtents[]>;
      };
      return await leader.describeExtents(
        each.map(({ ref }) => ref),
        runs,
      );
    }),
  );
  const partitions = answers.flat().sort((left, right) => left.partition - right.partition);
  return context.json({ cluster, topic: name, topicId: topic.id, partitionCount: topic.partitions.length, partitions });
}
