/**
 * A cell's leader over RPC. The broker's machine decides itself whether to repeat a commit, a look-up or a follow; the other questions
 * are asked twice before they fail, because a leader that was restarted breaks off the call that finds out.
 */
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { Env } from "./env.ts";
import { unpackFollow } from "./follow-wire.ts";
import type { LeaderRpc } from "./leader.ts";
import { packCommit, unpackReply } from "./leader-wire.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { leaderName } from "./names.ts";
import { Stub } from "./stub.ts";

export interface LeaderClient extends BatchCoordinator {
  metrics(): Promise<MetricsSnapshot>;
}

export function leaderClient(env: Env, cluster: string, cell: number): LeaderClient {
  const id = env.LEADER.idFromName(leaderName(cluster, cell));
  const stub = new Stub(() => env.LEADER.get(id) as unknown as LeaderRpc);
  return {
    metrics: () => stub.repeat((leader) => leader.metrics()),
    commit: async (request) => unpackReply(await stub.call((leader) => leader.commitPacked(packCommit(request)))),
    findBatches: (requests) => stub.call((leader) => leader.findBatches(requests)),
    follow: async (cursor, maxWaitMs) => unpackFollow(await stub.call((leader) => leader.followPacked(cursor, maxWaitMs))),
    listOffsets: (queries) => stub.repeat((leader) => leader.listOffsets(queries)),
    epochEnds: (queries) => stub.repeat((leader) => leader.epochEnds(queries)),
    describePartitions: (partitions) => stub.repeat((leader) => leader.describePartitions(partitions)),
    createPartitions: (...told) => stub.ask((leader) => leader.createPartitions(...told)),
    holds: (keys) => stub.repeat((leader) => leader.holds(keys)),
    collect: (fences, ledBefore) => stub.repeat((leader) => leader.collect(fences, ledBefore)),
    deletePartitions: (topicId) => stub.ask((leader) => leader.deletePartitions(topicId)),
    writeMarkers: (requests) => stub.repeat((leader) => leader.writeMarkers(requests)),
    claimMerge: () => stub.ask((leader) => leader.claimMerge()),
    commitMerge: (number, compacted) => stub.ask((leader) => leader.commitMerge(number, compacted)),
    releaseMerge: (release) => stub.ask((leader) => leader.releaseMerge(release)),
    deleteRecords: (requests) => stub.ask((leader) => leader.deleteRecords(requests)),
  };
}
