/**
 * A cell's leader over RPC. One stub for as long as it works, because calls on one stub arrive in order; a new one after any failure,
 * because a stub whose object was reset stays broken.
 */
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { Env } from "./env.ts";
import { unpackFollow } from "./follow-wire.ts";
import type { LeaderRpc } from "./leader.ts";
import { packCommit, unpackReply } from "./leader-wire.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { leaderName } from "./names.ts";

export interface LeaderClient extends BatchCoordinator {
  metrics(): Promise<MetricsSnapshot>;
}

export function leaderClient(env: Env, cluster: string, cell: number): LeaderClient {
  const id = env.LEADER.idFromName(leaderName(cluster, cell));
  let stub: LeaderRpc | undefined;
  const call = async <Answer>(work: (leader: LeaderRpc) => Promise<Answer>): Promise<Answer> => {
    stub ??= env.LEADER.get(id) as unknown as LeaderRpc;
    const used = stub;
    try {
      return await work(used);
    } catch (error) {
      if (stub === used) stub = undefined;
      throw error;
    }
  };
  return {
    metrics: () => call((leader) => leader.metrics()),
    commit: async (request) => unpackReply(await call((leader) => leader.commitPacked(packCommit(request)))),
    findBatches: (requests) => call((leader) => leader.findBatches(requests)),
    follow: async (cursor, maxWaitMs) => unpackFollow(await call((leader) => leader.followPacked(cursor, maxWaitMs))),
    listOffsets: (queries) => call((leader) => leader.listOffsets(queries)),
    epochEnds: (queries) => call((leader) => leader.epochEnds(queries)),
    describePartitions: (partitions) => call((leader) => leader.describePartitions(partitions)),
    createPartitions: (partitions, settings) => call((leader) => leader.createPartitions(partitions, settings)),
    deletePartitions: (topicId) => call((leader) => leader.deletePartitions(topicId)),
    deleteRecords: (requests) => call((leader) => leader.deleteRecords(requests)),
  };
}
