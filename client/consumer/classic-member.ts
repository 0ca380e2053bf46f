/**
 * A member of a classic group (JoinGroup, SyncGroup, Heartbeat). With a cooperative assignor it keeps reading while the group
 * rebalances and gives up only what moves; with range it lets go of everything first, as Java does. One loop joins again and again;
 * heartbeats go on beside it, also while the caller takes time to let go.
 */
import { decodeData, encodeData } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { joinGroup } from "../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../protocol/messages/12-heartbeat.ts";
import { leaveGroup } from "../../protocol/messages/13-leave-group.ts";
import { syncGroup } from "../../protocol/messages/14-sync-group.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../../protocol/messages/consumer-protocol.ts";
import type { ResponseOf } from "../../protocol/schema.ts";
import { sleep } from "../clock.ts";
import { BrokerError, KafkaError, asError, isRetriable } from "../errors.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import type { TopicPartition } from "../records/record.ts";
import { backoffMs } from "../wire/backoff.ts";
import { groupKey } from "../wire/cluster.ts";
import type { Assignor, GroupMember } from "./assignors.ts";
import { type Member, type MemberHost, Sureness, without } from "./membership.ts";
import { groupBy } from "../group-by.ts";

/** Answers after which a member is nobody any more: it joins as a new one. */
const expelling: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_MEMBER_ID, errorCodes.ILLEGAL_GENERATION]);
/** How much longer than the group may take an answer to a join may take. */
const joinGraceMs = 5000;

export class ClassicMember implements Member {
  readonly #host: MemberHost;
  readonly #assignors: readonly Assignor[];
  #memberId = "";
  #generationId = -1;
  #isRunning = false;
  #hasLeft = false;
  #isExpelled = false;
  #rejoins = false;
  #wake: (() => void) | undefined;
  #stopHeartbeat: (() => void) | undefined;
  readonly #sureness: Sureness;
  #beatNow: (() => void) | undefined;
  /** As the leader counted them; it watches for topics that grow. */
  #counted: ReadonlyMap<string, number> | undefined;

  constructor(host: MemberHost, assignors: readonly Assignor[]) {
    this.#host = host;
    this.#assignors = assignors;
    this.#sureness = new Sureness(host.cluster.clock);
  }

  get metadata(): GroupMetadata {
    const { groupId, groupInstanceId } = this.#host;
    return { groupId, generationId: this.#generationId, memberId: this.#memberId, groupInstanceId };
  }

  get isSure(): boolean {
    return this.#sureness.isSure;
  }

  whenSure(): Promise<void> | undefined {
    if (this.#sureness.isSure || this.#hasLeft) return undefined;
    // While the member joins, the answer to that tells.
    this.#beatNow?.();
    return this.#sureness.wait();
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#hasLeft = false;
    void this.#run();
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.#isRunning = false;
    this.#stopHeartbeat?.();
    this.#sureness.settle();
    this.#wake?.();
    const { groupId, groupInstanceId, cluster } = this.#host;
    const memberId = this.#memberId;
    this.#forgetMembership();
    // A static member comes back: its partitions wait for it until the session ends.
    if (memberId === "" || groupInstanceId !== null) return;
    const body = { groupId, memberId, members: [{ memberId, groupInstanceId, reason: "the consumer was closed" }] };
    await cluster.callOnce(this.#coordinator, leaveGroup, body).catch(() => {});
  }

  get #coordinator() {
    return { coordinator: this.#host.groupId, type: groupKey } as const;
  }

  get #isCooperative(): boolean {
    return this.#assignors.every(({ isCooperative }) => isCooperative);
  }

  async #run(): Promise<void> {
    const { cluster } = this.#host;
    for (let failures = 0; !this.#hasLeft;) {
      try {
        if (this.#isExpelled) await this.#loseAll();
        this.#rejoins = false;
        await this.#rebalance();
        failures = 0;
        await this.#untilRejoin();
      } catch (error) {
        if (this.#hasLeft) return;
        if (error instanceof KafkaError && expelling.has(error.code)) this.#isExpelled = true;
        else if (!isRetriable(error) && !isRebalancing(error)) {
          this.#sureness.settle();
          this.#host.failed(asError(error));
          return;
        }
        if (isRebalancing(error)) continue;
        failures += 1;
        if (isRetriable(error)) cluster.forgetCoordinator(this.#host.groupId, groupKey);
        if (failures > 1 || isRetriable(error))
          await sleep(cluster.clock, backoffMs(failures, cluster.options.retryBackoff, cluster.clock.random()));
      }
    }
  }

  async #rebalance(): Promise<void> {
    const host = this.#host;
    if (!this.#isCooperative && host.owned().length > 0) await host.revoked(host.owned());
    if (this.#isExpelled || this.#hasLeft) return;
    const asked = this.#sureness.asking();
    const joined = await this.#join();
    const assigned = await this.#sync(joined);
    if (this.#hasLeft) return;
    this.#sureness.answered(asked);
    this.#beat();
    const owned = host.owned();
    const leaving = without(owned, assigned);
    if (leaving.length > 0) {
      await host.revoked(leaving);
      // They are given to others once everybody has heard that they are free.
      this.#rejoins = true;
    }
    if (this.#isExpelled || this.#hasLeft) return;
    await host.assigned(without(assigned, owned), () => !this.#isExpelled && !this.#hasLeft);
  }

  async #join(): Promise<ResponseOf<typeof joinGroup>> {
    const { groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, cluster, lane, topics } = this.#host;
    this.#stopHeartbeat?.();
    const subscription = {
      topics,
      ownedPartitions: ownedByTopic(this.#host.owned()),
      generationId: this.#generationId,
    };
    const metadata = encodeData(consumerProtocolSubscription, 3, subscription);
    const body = {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      groupInstanceId,
      protocolType: "consumer",
      protocols: this.#assignors.map(({ name }) => ({ name, metadata })),
    };
    const timeoutMs = Math.max(rebalanceTimeoutMs, sessionTimeoutMs) + joinGraceMs;
    const { body: answer } = await cluster.callOnce(this.#coordinator, joinGroup, body, { lane, timeoutMs });
    if (answer.errorCode === errorCodes.MEMBER_ID_REQUIRED) {
      this.#memberId = answer.memberId;
      return await this.#join();
    }
    if (answer.errorCode !== 0) throw new BrokerError(answer.errorCode, `joining group ${groupId}`);
    this.#memberId = answer.memberId;
    this.#generationId = answer.generationId;
    return answer;
  }

  async #sync(joined: ResponseOf<typeof joinGroup>): Promise<TopicPartition[]> {
    const { groupId, groupInstanceId, rebalanceTimeoutMs, cluster, lane } = this.#host;
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment;
    this.#counted = undefined;
    const assignments = isLeader ? await this.#assignAll(joined) : [];
    const body = {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName,
      assignments,
    };
    const timeoutMs = rebalanceTimeoutMs + joinGraceMs;
    const { body: answer } = await cluster.callOnce(this.#coordinator, syncGroup, body, { lane, timeoutMs });
    if (answer.errorCode !== 0) throw new BrokerError(answer.errorCode, `syncing with group ${groupId}`);
    if (answer.assignment.byteLength === 0) return [];
    const { value } = decodeData(consumerProtocolAssignment, answer.assignment);
    return value.assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  }

  async #assignAll({ members, protocolName }: ResponseOf<typeof joinGroup>) {
    const { cluster } = this.#host;
    const assignor = this.#assignors.find(({ name }) => name === protocolName);
    if (assignor === undefined) throw new BrokerError(errorCodes.INCONSISTENT_GROUP_PROTOCOL, String(protocolName));
    const subscribed = members.map(({ memberId, groupInstanceId, metadata }): GroupMember => {
      const { value } = decodeData(consumerProtocolSubscription, metadata);
      const owned = value.ownedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
      return { memberId, groupInstanceId, topics: value.topics, owned, generationId: value.generationId };
    });
    const topics = new Set(subscribed.flatMap((member) => member.topics));
    await cluster.refresh([...topics]);
    const counts = new Map<string, number>();
    for (const topic of topics) {
      const info = cluster.metadata.topics.get(topic);
      if (info !== undefined) counts.set(topic, info.partitions.length);
    }
    // A topic that nobody knows yet is watched for like one that grows.
    this.#counted = new Map([...topics].map((topic) => [topic, counts.get(topic) ?? 0]));
    return [...assignor.assign(subscribed, counts)].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeData(consumerProtocolAssignment, 1, { assignedPartitions: ownedByTopic(partitions) }),
    }));
  }

  /** Sends heartbeats until the next join; what they answer ends the waiting. */
  #beat(): void {
    const { cluster, heartbeatIntervalMs } = this.#host;
    this.#stopHeartbeat?.();
    let isStopped = false;
    let isAsking = false;
    let cancel = (): void => {};
    const beatAfter = (waitMs: number): void => {
      cancel();
      cancel = cluster.clock.after(waitMs, () => void tick());
    };
    const tick = async (): Promise<void> => {
      isAsking = true;
      await this.#heartbeat(() => isStopped);
      isAsking = false;
      if (!isStopped) beatAfter(heartbeatIntervalMs);
    };
    this.#stopHeartbeat = () => {
      isStopped = true;
      this.#beatNow = undefined;
      cancel();
    };
    this.#beatNow = () => {
      if (!isAsking) beatAfter(0);
    };
    beatAfter(this.#sureness.isSure ? heartbeatIntervalMs : 0);
  }

  async #heartbeat(isStopped: () => boolean): Promise<void> {
    const { cluster, lane } = this.#host;
    const asked = this.#sureness.asking();
    try {
      const { body } = await cluster.callOnce(this.#coordinator, heartbeat, this.metadata, { lane });
      if (isStopped()) return;
      if (body.errorCode === errorCodes.NONE || body.errorCode === errorCodes.REBALANCE_IN_PROGRESS) this.#sureness.answered(asked);
      if (body.errorCode === errorCodes.NONE) this.#lookForGrowth();
      else if (body.errorCode === errorCodes.REBALANCE_IN_PROGRESS) this.#rejoin();
      else if (expelling.has(body.errorCode)) {
        this.#isExpelled = true;
        this.#rejoin();
      } else throw new BrokerError(body.errorCode, `heartbeat of group ${this.#host.groupId}`);
    } catch (error) {
      if (isStopped()) return;
      // The next one goes to wherever the coordinator is then.
      if (isRetriable(error)) cluster.forgetCoordinator(this.#host.groupId, groupKey);
      else {
        this.#hasLeft = true;
        this.#stopHeartbeat?.();
        this.#sureness.settle();
        this.#host.failed(asError(error));
        this.#wake?.();
      }
    }
  }

  #lookForGrowth(): void {
    for (const [topic, count] of this.#counted ?? []) {
      const info = this.#host.cluster.peek(topic);
      if (info !== undefined && info.partitions.length !== count) return this.#rejoin();
    }
  }

  #rejoin(): void {
    this.#rejoins = true;
    this.#wake?.();
  }

  async #untilRejoin(): Promise<void> {
    while (!this.#rejoins && !this.#hasLeft && !this.#isExpelled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
  }

  async #loseAll(): Promise<void> {
    this.#stopHeartbeat?.();
    this.#forgetMembership();
    const owned = this.#host.owned();
    if (owned.length > 0) await this.#host.lost(owned);
    this.#sureness.settle();
  }

  #forgetMembership(): void {
    this.#memberId = "";
    this.#generationId = -1;
    this.#isExpelled = false;
  }
}

function isRebalancing(error: unknown): boolean {
  return error instanceof KafkaError && error.code === errorCodes.REBALANCE_IN_PROGRESS;
}

function ownedByTopic(partitions: readonly TopicPartition[]) {
  return [...groupBy(partitions, ({ topic }) => topic)].map(([topic, each]) => ({
    topic,
    partitions: each.map(({ partition }) => partition),
  }));
}
