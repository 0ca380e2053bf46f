/**
 * A member of a group by the newer protocol (KIP-848): the coordinator assigns, one heartbeat carries everything. Whatever the answer
 * says may be owned is brought about at once, what has to go first, and the next heartbeat says so; heartbeats go on meanwhile.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";
import type { RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { unlessLate } from "../clock.ts";
import { BrokerError, asError, isRetriable } from "../errors.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import type { TopicPartition } from "../records/record.ts";
import { backoffMs } from "../wire/backoff.ts";
import { groupKey } from "../wire/cluster.ts";
import { type Member, type MemberHost, Sureness, without } from "./membership.ts";
import { groupBy } from "../group-by.ts";

type Answer = ResponseOf<typeof consumerGroupHeartbeat>;
type Given = NonNullable<Answer["assignment"]>["topicPartitions"];

const leaves = -1;
const leavesForAWhile = -2;
const expelling: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_MEMBER_ID, errorCodes.FENCED_MEMBER_EPOCH]);
/** Until the coordinator has said how often it wants to hear. */
const firstIntervalMs = 3000;
/** Whoever leaves waits so long to hear whether it has joined. */
const joinPatienceMs = 5000;

export class ConsumerMember implements Member {
  readonly #host: MemberHost;
  readonly #serverAssignor: string | null;
  readonly #memberId: string;
  readonly #sureness: Sureness;
  #givenMemberId: string | undefined;
  #memberEpoch = 0;
  #isRunning = false;
  #hasLeft = false;
  #isBeating = false;
  #beatsAgain = false;
  #joining: Promise<{ readonly body: Answer }> | undefined;
  #cancel: (() => void) | undefined;
  #intervalMs = firstIntervalMs;
  #failures = 0;
  /** As last told to the coordinator. */
  #toldOwned: string | undefined;
  #target: Given | undefined;
  #isReconciling = false;
  /** How often the member was expelled. */
  #losses = 0;

  constructor(host: MemberHost, serverAssignor: string | null, memberId: string) {
    this.#host = host;
    this.#serverAssignor = serverAssignor;
    this.#memberId = memberId;
    this.#sureness = new Sureness(host.cluster.clock);
  }

  get metadata(): GroupMetadata {
    const { groupId, groupInstanceId } = this.#host;
    return { groupId, generationId: this.#memberEpoch, memberId: this.#givenMemberId ?? this.#memberId, groupInstanceId };
  }

  get isSure(): boolean {
    return this.#sureness.isSure;
  }

  whenSure(): Promise<void> | undefined {
    if (this.#sureness.isSure || this.#hasLeft) return undefined;
    if (!this.#isBeating) void this.#beat();
    return this.#sureness.wait();
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#hasLeft = false;
    this.#memberEpoch = 0;
    void this.#beat();
  }

  async leave(): Promise<void> {
    const wasMember = this.#isRunning && this.#memberEpoch > 0;
    this.#hasLeft = true;
    this.#isRunning = false;
    this.#cancel?.();
    this.#sureness.settle();
    if (!wasMember && !(await this.#hasJoined())) return;
    const { groupId, groupInstanceId, cluster } = this.#host;
    const memberEpoch = groupInstanceId === null ? leaves : leavesForAWhile;
    const body = { groupId, memberId: this.metadata.memberId, memberEpoch, instanceId: groupInstanceId };
    await cluster.callOnce(this.#coordinator, consumerGroupHeartbeat, body).catch(() => {});
  }

  /** Whether one that was about to join has: nobody would miss it until its session ends. */
  async #hasJoined(): Promise<boolean> {
    if (this.#joining === undefined) return false;
    const { clock } = this.#host.cluster;
    const answer = await unlessLate(this.#joining, clock, clock.now() + joinPatienceMs).catch(() => undefined);
    this.#givenMemberId = answer?.body.memberId ?? this.#givenMemberId;
    return answer?.body.errorCode === 0;
  }

  get #coordinator() {
    return { coordinator: this.#host.groupId, type: groupKey } as const;
  }

  /** One at a time; who asks meanwhile gets another right after. */
  async #beat(): Promise<void> {
    if (this.#hasLeft) return;
    this.#cancel?.();
    if (this.#isBeating) {
      this.#beatsAgain = true;
      return;
    }
    this.#isBeating = true;
    this.#beatsAgain = false;
    const { cluster, lane } = this.#host;
    let waitMs = this.#intervalMs;
    const asked = this.#sureness.asking();
    try {
      const answering = cluster.callOnce(this.#coordinator, consumerGroupHeartbeat, this.#request(), { lane });
      this.#joining = this.#memberEpoch === 0 ? answering : undefined;
      const { body } = await answering;
      this.#joining = undefined;
      if (!this.#hasLeft) waitMs = await this.#heard(body);
      this.#sureness.answered(asked);
      if (!this.#sureness.isSure) waitMs = 0;
      this.#failures = 0;
    } catch (error) {
      if (!isRetriable(error)) {
        this.#isBeating = false;
        this.#fail(asError(error));
        return;
      }
      cluster.forgetCoordinator(this.#host.groupId, groupKey);
      this.#failures += 1;
      // Nobody knows what the coordinator has heard: say it all again.
      this.#toldOwned = undefined;
      waitMs = backoffMs(this.#failures, cluster.options.retryBackoff, cluster.clock.random());
    }
    this.#isBeating = false;
    if (this.#hasLeft) return;
    if (this.#beatsAgain) waitMs = 0;
    this.#cancel = cluster.clock.after(waitMs, () => void this.#beat());
  }

  #request(): RequestInput<typeof consumerGroupHeartbeat> {
    const { groupId, groupInstanceId: instanceId, rebalanceTimeoutMs, topics } = this.#host;
    const member = { groupId, memberId: this.metadata.memberId, memberEpoch: this.#memberEpoch };
    const isJoining = this.#memberEpoch === 0;
    const topicPartitions = isJoining ? [] : this.#ownedById();
    const text = JSON.stringify(topicPartitions);
    const isNews = isJoining || text !== this.#toldOwned;
    const isFull = isJoining || this.#toldOwned === undefined;
    this.#toldOwned = text;
    if (!isFull) return { ...member, topicPartitions: isNews ? topicPartitions : null };
    const { length } = topics;
    return {
      ...member,
      instanceId,
      rebalanceTimeoutMs,
      subscribedTopicNames: length === 0 ? null : [...topics],
      serverAssignor: this.#serverAssignor,
      topicPartitions,
    };
  }

  #ownedById(): { topicId: string; partitions: number[] }[] {
    const { metadata } = this.#host.cluster;
    return [...groupBy(this.#host.owned(), ({ topic }) => topic)].flatMap(([topic, each]) => {
      const info = metadata.topics.get(topic);
      // A topic that was deleted is not owned any more.
      return info === undefined
        ? []
        : [{ topicId: info.id, partitions: each.map(({ partition }) => partition).sort((a, b) => a - b) }];
    });
  }

  /** How long to wait until the next heartbeat. */
  async #heard(answer: Answer): Promise<number> {
    if (expelling.has(answer.errorCode)) {
      this.#memberEpoch = 0;
      this.#losses += 1;
      this.#target = undefined;
      const owned = this.#host.owned();
      if (owned.length > 0) await this.#host.lost(owned);
      return 0;
    }
    if (answer.errorCode !== 0)
      throw new BrokerError(answer.errorCode, `heartbeat of group ${this.#host.groupId}`, answer.errorMessage);
    this.#memberEpoch = answer.memberEpoch;
    this.#givenMemberId = answer.memberId ?? this.#givenMemberId;
    this.#intervalMs = answer.heartbeatIntervalMs > 0 ? answer.heartbeatIntervalMs : this.#intervalMs;
    if (answer.assignment !== null) {
      this.#target = answer.assignment.topicPartitions;
      void this.#reconcile();
    }
    return this.#intervalMs;
  }

  /** Brings about what was assigned last; a newer assignment that comes meanwhile is next. */
  async #reconcile(): Promise<void> {
    if (this.#isReconciling) return;
    this.#isReconciling = true;
    try {
      while (this.#target !== undefined && !this.#hasLeft) {
        const target = this.#target;
        const partitions = await this.#named(target);
        // Superseded while metadata was asked for.
        if (target !== this.#target) continue;
        this.#target = undefined;
        const owned = this.#host.owned();
        const leaving = without(owned, partitions);
        if (leaving.length > 0) await this.#host.revoked(leaving);
        if (this.#hasLeft || this.#memberEpoch === 0) continue;
        const losses = this.#losses;
        const areStill = (): boolean => this.#losses === losses && !this.#hasLeft;
        if (this.#target === undefined) await this.#host.assigned(without(partitions, owned), areStill);
        await this.#beat();
      }
    } catch (error) {
      this.#fail(asError(error));
    } finally {
      this.#isReconciling = false;
    }
  }

  /** The coordinator speaks in topic ids. A topic that cannot be found was deleted meanwhile. */
  async #named(given: Given): Promise<TopicPartition[]> {
    const { cluster, topics } = this.#host;
    if (given.some(({ topicId }) => cluster.metadata.nameOf(topicId) === undefined))
      await cluster.retry("metadata of assigned topics", async () => await cluster.refresh(topics));
    return given.flatMap(({ topicId, partitions }) => {
      const topic = cluster.metadata.nameOf(topicId);
      return topic === undefined ? [] : partitions.map((partition) => ({ topic, partition }));
    });
  }

  #fail(error: Error): void {
    if (this.#hasLeft) return;
    this.#cancel?.();
    // The consumer takes it out of the group, where it may still be one, so that its partitions need not wait for the session's end.
    this.#host.failed(error);
  }
}
