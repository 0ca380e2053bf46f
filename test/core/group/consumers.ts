/** The harness of a group with the words of the consumer protocol, and with classic members that speak as Java's consumers do. */
import { readAssignment, writeAssignment } from "../../../core/group/consumer-protocol.ts";
import type {
  ConsumerHeartbeatAnswer,
  ConsumerHeartbeatRequest,
  DescribeConsumerGroupAnswer,
  TopicsView,
} from "../../../core/group/consumer/requests.ts";
import type { SetConfigs } from "../../../core/group/group-configs.ts";
import type { JoinGroupAnswer, SyncGroupAnswer } from "../../../core/group/requests.ts";
import { Harness, text, topicA, type JoinOptions, type SyncOptions } from "./harness.ts";

export class Consumers extends Harness {
  override view: TopicsView = { version: 1, topics: new Map([["a", { id: topicA.topicId, partitions: 4 }]]) };
  configs: SetConfigs | undefined;
  #uuids = 1;

  beat(memberId: string, memberEpoch: number, said: Partial<ConsumerHeartbeatRequest> = {}, version = 1): ConsumerHeartbeatAnswer {
    const unchanged = { instanceId: null, rackId: null, rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null };
    return this.ask({
      kind: "consumer-heartbeat",
      facts: { apiVersion: version, clientId: "client", clientHost: "/127.0.0.1" },
      uuid: `uuid${this.#uuids++}`,
      view: this.view,
      configs: this.configs,
      request: { memberId, memberEpoch, ...unchanged, subscribedTopicRegex: null, serverAssignor: null, ...said },
    });
  }

  come(memberId: string, said: Partial<ConsumerHeartbeatRequest> = {}, version = 1): ConsumerHeartbeatAnswer {
    const full = { rebalanceTimeoutMs: 60_000, topicPartitions: [], subscribedTopicNames: ["a"] };
    return this.beat(memberId, 0, { ...full, ...said }, version);
  }

  groups(): DescribeConsumerGroupAnswer {
    return this.ask({ kind: "describe-consumer-group" });
  }

  /** A classic member's join, with what it owns of topic a; the answer must be there at once. */
  rejoin(memberId: string, owned: readonly number[], options: JoinOptions = {}): JoinGroupAnswer {
    return this.joined(this.join({ version: 9, memberId, metadata: owning(owned), ...options }));
  }

  /** The partitions of topic a in a member's assignment, or the error it got. */
  partsOf(memberId: string, generationId: number, options: SyncOptions = {}): readonly number[] | number {
    const answer: SyncGroupAnswer = this.synced(this.sync(memberId, generationId, {}, options));
    if (answer.errorCode !== 0) return answer.errorCode;
    return readAssignment(answer.assignment)!.partitions.flatMap(({ partitions }) => partitions);
  }

  /** A stable classic group in generation 1 whose members have these partitions of topic a. */
  classics(parts: readonly (readonly number[])[], options: readonly JoinOptions[] = []): readonly string[] {
    const joins = parts.map((_, index) => this.join({ version: 3, metadata: owning([]), ...options[index] }));
    this.advance(this.options.initialRebalanceDelayMs * 2);
    const ids = joins.map((join) => this.joined(join).memberId);
    const assignments = ids.map((memberId, index) => ({ memberId, assignment: assigning(parts[index]!) }));
    ids.forEach((memberId, index) => {
      const groupInstanceId = options[index]?.instance ?? null;
      const request = { generationId: 1, memberId, groupInstanceId, protocolType: null, protocolName: null, assignments };
      this.send({ kind: "sync-group", request });
    });
    return ids;
  }
}

export const parts = (answer: ConsumerHeartbeatAnswer) => answer.assignment?.flatMap(({ partitions }) => partitions);

export const owns = (...partitions: number[]) => ({
  topicPartitions: partitions.length > 0 ? [{ topicId: topicA.topicId, partitions }] : [],
});

export function assigning(partitions: readonly number[]): Uint8Array {
  return writeAssignment(partitions.length > 0 ? [{ topic: "a", partitions }] : [], 1);
}

/** A subscription to topic a, version 1, of a member that owns these partitions of it. */
export function owning(partitions: readonly number[], topics: readonly string[] = ["a"]): Uint8Array {
  const names = topics.flatMap((topic) => [0, topic.length, ...text(topic)]);
  const owned =
    partitions.length === 0 ? [] : [0, 1, 97, 0, 0, 0, partitions.length, ...partitions.flatMap((each) => [0, 0, 0, each])];
  const ownedTopics = partitions.length === 0 ? 0 : 1;
  return Uint8Array.from([0, 1, 0, 0, 0, topics.length, ...names, 255, 255, 255, 255, 0, 0, 0, ownedTopics, ...owned]);
}
