/**
 * One group's coordinator: rows in, decisions by core/group, rows out, then the answers. A join or sync that waits is an open
 * RPC call. It holds a timer while somebody is awaited, and an alarm while there are members, in case it is evicted; a group
 * without members has neither, but for the one alarm on the day on which it is forgotten.
 */
import { DurableObject } from "cloudflare:workers";
import type { TopicId } from "../core/coordinator.ts";
import type {
  ConsumerHeartbeatAnswer,
  ConsumerHeartbeatRequest,
  DescribeConsumerGroupAnswer,
} from "../core/group/consumer/requests.ts";
import type { GroupEvent, GroupRequest } from "../core/group/events.ts";
import type { GroupClient } from "../core/group/group-client.ts";
import { GroupMachine } from "../core/group/machine.ts";
import { groupOptions } from "../core/group/options.ts";
import type { Effect } from "../core/group/outbox.ts";
import type {
  ClientFacts,
  DeleteGroupAnswer,
  DescribeGroupAnswer,
  GroupListing,
  HeartbeatAnswer,
  HeartbeatRequest,
  JoinGroupAnswer,
  JoinGroupRequest,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetDeleteRequest,
  OffsetFetchAnswer,
  OffsetFetchRequest,
  SyncGroupAnswer,
  SyncGroupRequest,
  TransactionalOffsetCommitRequest,
} from "../core/group/requests.ts";
import type { TransactionEnd } from "../core/transaction/events.ts";
import { controllerClient } from "./controller-client.ts";
import { settingsOf, type Env } from "./env.ts";
import { EarliestTimer } from "./earliest-timer.ts";
import { GroupRows } from "./group-rows.ts";
import { GroupTopics } from "./group-topics.ts";
import { Listing } from "./listing.ts";
import { Log } from "./log.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import { CountedSql } from "./counted-sql.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { clusterOf, tailOf } from "./names.ts";

/** How old a member's view of the topics may be: one that joins has most likely just seen a topic made. */
const topicsFreshMs = 200;
const topicsOldMs = 5000;
/** How often a group looks whether topics it has offsets of were deleted. */
const deletedTopicsMs = 600_000;

const nothing = async (): Promise<void> => {};

export class Group extends DurableObject<Env> implements GroupClient {
  readonly #cost = new CostMeter(this);
  readonly groupId: string;
  readonly #cluster: string;
  readonly #log: Log;
  readonly #rows: GroupRows;
  readonly #machine: GroupMachine;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  readonly #topics: GroupTopics;
  #nextRequestId = 1;
  readonly #listing: Listing;
  readonly #timer = new EarliestTimer(() => this.#run((now) => this.#machine.tick(now)));
  /** Requests that wait to be decided and may make the group: it is not taken off the list before that. */
  #newcomers = 0;
  #alarmAt: number | undefined;
  #lookForDeletedAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    const settings = settingsOf(env);
    this.groupId = tailOf(name);
    this.#cluster = clusterOf(name);
    this.#log = new Log(settings["log.level"], { object: name });
    this.#rows = new GroupRows(ctx.storage, new CountedSql(ctx.storage.sql, this.#cost));
    const { snapshot, rows } = this.#rows.load();
    this.#topics = new GroupTopics(this.groupId, () => this.#controller());
    this.#machine = GroupMachine.restore(groupOptions(settings, this.groupId), snapshot, rows, Date.now());
    const listing = {
      add: () => this.#controller().registerGroup(this.groupId),
      remove: () => this.#controller().unregisterGroup(this.groupId),
      onStillListed: (error: unknown) => this.#log.warn("group-still-listed", { error }),
    };
    this.#listing = new Listing(listing, this.#machine.exists);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? undefined;
      this.#arrange();
    });
  }

  async joinGroup(request: JoinGroupRequest, facts: ClientFacts): Promise<JoinGroupAnswer> {
    const look = async () => (this.#machine.assigns ? await this.#topics.view(topicsOldMs) : undefined);
    return await this.#askAfter(request.memberId === "", look, (seen) => {
      return { kind: "join-group", request, facts, uuid: crypto.randomUUID(), ...seen };
    });
  }

  syncGroup(request: SyncGroupRequest): Promise<SyncGroupAnswer> {
    return this.#ask({ kind: "sync-group", request });
  }

  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    return this.#ask({ kind: "heartbeat", request });
  }

  async consumerHeartbeat(request: ConsumerHeartbeatRequest, facts: ClientFacts): Promise<ConsumerHeartbeatAnswer> {
    const joins = request.memberEpoch === 0;
    const look = () => this.#topics.view(joins ? topicsFreshMs : topicsOldMs);
    return await this.#askAfter(joins, look, (seen) => {
      return { kind: "consumer-heartbeat", request, facts, ...seen, uuid: crypto.randomUUID() };
    });
  }

  leaveGroup(request: LeaveGroupRequest): Promise<LeaveGroupAnswer> {
    return this.#ask({ kind: "leave-group", request });
  }

  async commitOffsets(request: OffsetCommitRequest, facts: ClientFacts): Promise<OffsetCommitAnswer> {
    return await this.#askAfter(request.generationId < 0, nothing, () => ({ kind: "offset-commit", request, facts }));
  }

  async commitTransactionalOffsets(request: TransactionalOffsetCommitRequest): Promise<OffsetCommitAnswer> {
    return await this.#askAfter(request.generationId < 0, nothing, () => ({ kind: "transactional-offset-commit", request }));
  }

  completeTransaction(end: TransactionEnd): Promise<void> {
    return this.#ask({ kind: "transaction-ended", end });
  }

  fetchOffsets(request: OffsetFetchRequest): Promise<OffsetFetchAnswer> {
    return this.#ask({ kind: "offset-fetch", request });
  }

  deleteOffsets(request: OffsetDeleteRequest): Promise<OffsetDeleteAnswer> {
    return this.#ask({ kind: "offset-delete", request });
  }

  forgetTopics(topicIds: readonly TopicId[]): Promise<void> {
    return this.#ask({ kind: "forget-topics", topicIds });
  }

  describe(): Promise<DescribeGroupAnswer> {
    return this.#ask({ kind: "describe-group" });
  }

  describeConsumer(): Promise<DescribeConsumerGroupAnswer> {
    return this.#ask({ kind: "describe-consumer-group" });
  }

  list(): Promise<GroupListing | undefined> {
    return this.#ask({ kind: "list-group" });
  }

  delete(): Promise<DeleteGroupAnswer> {
    return this.#ask({ kind: "delete-group" });
  }

  async metrics(): Promise<MetricsSnapshot> {
    return this.#cost.snapshot();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    await this.#forgetDeletedTopics();
    this.#run((now) => this.#machine.handle({ kind: "alarm" }, now));
  }

  /** Of topics that were deleted no offsets are kept; nobody waits for this, and it is tried again with a later alarm. */
  async #forgetDeletedTopics(): Promise<void> {
    if (Date.now() < this.#lookForDeletedAt) return;
    this.#lookForDeletedAt = Date.now() + deletedTopicsMs;
    try {
      const topicIds = await this.#topics.deleted(this.#machine.offsetTopics());
      if (topicIds.length > 0) await this.forgetTopics(topicIds);
    } catch (error) {
      this.#log.warn("deleted-topics-unknown", { error });
    }
  }

  #ask<Answer>(request: GroupRequest): Promise<Answer> {
    const requestId = this.#nextRequestId++;
    const event: GroupEvent = { ...request, requestId };
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve as (answer: unknown) => void);
      this.#run((now) => this.#machine.handle(event, now));
    });
  }

  /** A state that could not be written must not be acted on: the object goes, and comes back from its rows. */
  #run(decide: (now: number) => readonly Effect[]): void {
    try {
      const effects = decide(Date.now());
      this.#rows.apply(effects);
      for (const effect of effects) if (effect.kind === "reply") this.#answer(effect.requestId, effect.answer);
      if (!this.#machine.exists && this.#listing.isNamed && this.#newcomers === 0) this.ctx.waitUntil(this.#listing.remove());
      this.#arrange();
    } catch (error) {
      this.#log.error("group-broken", { error });
      this.ctx.abort("the group's machine broke");
      throw error;
    }
  }

  #answer(requestId: number, answer: unknown): void {
    this.#waiting.get(requestId)?.(answer);
    this.#waiting.delete(requestId);
  }

  #arrange(): void {
    const now = Date.now();
    this.#timer.setFor(this.#machine.nextDeadline(), now);
    const alarmAt = this.#machine.wantsAlarm(this.#alarmAt, now);
    if (alarmAt === undefined) return;
    this.#alarmAt = alarmAt;
    this.#cost.rowsWritten(1);
    void this.ctx.storage.setAlarm(alarmAt);
  }

  /** A request that must see something first; one that may make the group waits also until the cluster's list names it. */
  async #askAfter<Seen, Answer>(
    mayMake: boolean,
    look: () => Promise<Seen>,
    request: (seen: Seen) => GroupRequest,
  ): Promise<Answer> {
    if (mayMake) this.#newcomers += 1;
    let seen: Seen;
    try {
      if (mayMake) await this.#listing.add();
      seen = await look();
    } finally {
      if (mayMake) this.#newcomers -= 1;
    }
    return await this.#ask(request(seen));
  }

  #controller() {
    return controllerClient(this.env, this.#cluster);
  }
}

meterCalls(Group);
