/**
 * One group: its members, its committed offsets and the rows both live in. It hands each request to the part that decides it,
 * turns what changed into rows, and knows when it must be looked at again. The Durable Object around it and the simulator carry
 * the effects out and bring the time.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { TopicId } from "../coordinator.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinError, syncError } from "./classic/answers.ts";
import { describeClassic, listClassic, noSuchGroup } from "./classic/describe.ts";
import { deadlinePassed, type ClassicGroup } from "./classic/group.ts";
import { joinGroup } from "./classic/join.ts";
import { heartbeat, leaveGroup, syncGroup } from "./classic/requests.ts";
import { membershipEntry } from "./classic/rows.ts";
import { checkHeartbeat, refused, type Refusal } from "./consumer/checks.ts";
import { heartbeatClassic, joinClassic, leaveConsumerGroup, syncClassic } from "./consumer/classic-members.ts";
import { describeConsumer, listConsumer, noSuchConsumerGroup } from "./consumer/describe.ts";
import { admit, heartbeat as consumerHeartbeat } from "./consumer/heartbeat.ts";
import type { ConsumerHeartbeatAnswer, DescribeConsumerGroupAnswer, TopicsView } from "./consumer/requests.ts";
import { Deadlines } from "./deadlines.ts";
import { quietKind } from "./entries.ts";
import { isSignOfLife, type GroupEvent } from "./events.ts";
import { GroupConfigs } from "./group-configs.ts";
import { downgraded, upgraded } from "./migration.ts";
import { checkCommit, deleteOffsets, expirations, fetchOffsets } from "./offset-requests.ts";
import { acceptable } from "./offsets.ts";
import type { GroupOptions } from "./options.ts";
import { Outbox, type Effect } from "./outbox.ts";
import type {
  ClientFacts,
  DeleteGroupAnswer,
  GroupListing,
  HeartbeatAnswer,
  HeartbeatRequest,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  TransactionalOffsetCommitRequest,
} from "./requests.ts";
import { joinChunks, Ring, type StoredRow, type StoredSnapshot } from "./ring.ts";
import { GroupState } from "./state.ts";
import type { Surroundings } from "./surroundings.ts";
import { checkTransactionalCommit } from "./transactional-checks.ts";

/** While there are members an alarm this far ahead brings the group back should it be evicted; precise times are kept in memory. */
const backstopMs = 60_000;
/** A group without members and offsets is forgotten after as long. */
const emptyGroupMs = 600_000;

type JoinEvent = Extract<GroupEvent, { kind: "join-group" }>;
type BeatEvent = Extract<GroupEvent, { kind: "consumer-heartbeat" }>;

export class GroupMachine {
  readonly #options: GroupOptions;
  readonly #deadlines = new Deadlines();
  readonly #outbox = new Outbox();
  readonly #surroundings: Surroundings;
  readonly #ring = new Ring();
  readonly #state: GroupState;
  #heardSinceAlarm = false;
  /** The topics as they were last seen. */
  #view: TopicsView | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
    const configs = new GroupConfigs(options);
    this.#surroundings = { options, configs, deadlines: this.#deadlines, outbox: this.#outbox };
    this.#state = new GroupState(this.#surroundings);
  }

  static restore(
    options: GroupOptions,
    snapshot: StoredSnapshot | undefined,
    rows: readonly StoredRow[],
    now: number,
  ): GroupMachine {
    const group = new GroupMachine(options);
    const state = group.#state;
    if (snapshot !== undefined) state.readSnapshot(new ByteReader(joinChunks(snapshot.chunks)), now);
    for (const { entry } of group.#ring.restore(snapshot?.sequence ?? 0, rows)) state.readEntry(new ByteReader(entry), now);
    state.resume(now);
    return group;
  }

  get exists(): boolean {
    return this.#state.exists;
  }

  /** It assigns partitions itself, and must see the topics when members join. */
  get assigns(): boolean {
    return this.#state.consumer !== undefined;
  }

  /** Of which topics it has offsets, those of open transactions among them. */
  offsetTopics(): readonly TopicId[] {
    const pending = this.#state.transactional.keys().map(({ topicId }) => topicId);
    return [...new Set([...this.#state.offsets.topicIds(), ...pending])];
  }

  handle(event: GroupEvent, now: number): Effect[] {
    if (isSignOfLife(event)) this.#signOfLife();
    this.#dispatch(event, now);
    this.#followDowngrade(now);
    return this.tick(now);
  }

  tick(now: number): Effect[] {
    for (const name of this.#deadlines.due(now)) {
      if (this.#state.consumer !== undefined) this.#state.consumer.deadlinePassed(name, now);
      else if (this.#state.classic !== undefined) deadlinePassed(this.#state.classic, name, now);
      this.#followDowngrade(now);
    }
    return this.#effects(now);
  }

  nextDeadline(): number | undefined {
    return this.#deadlines.next();
  }

  /**
   * When the group must be woken even if it was evicted, given the alarm that is set: undefined leaves that one as it is. With
   * members it is a backstop; without, the day on which the group can be forgotten. A group that does not exist needs none.
   */
  wantsAlarm(current: number | undefined, now: number): number | undefined {
    if (!this.#state.exists) {
      const until = this.#state.transactional.remembersUntilMs;
      return current !== undefined || until === undefined ? undefined : Math.max(until, now + 1);
    }
    if (this.#state.hasMembers) {
      return current === undefined || current > now + backstopMs ? now + backstopMs : undefined;
    }
    if (current !== undefined || this.#ring.isEmpty) return undefined;
    if (!this.#state.hasOffsets) return Math.max(this.#state.emptySince + emptyGroupMs, now + backstopMs);
    let earliest = now + this.#options.offsetsRetentionMs;
    for (const { at } of expirations(this.#state, this.#options.offsetsRetentionMs)) earliest = Math.min(earliest, at);
    return Math.max(earliest, now + 1);
  }

  #dispatch(event: GroupEvent, now: number): void {
    if (event.kind === "alarm") return this.#alarm(now);
    const reply = (answer: unknown) => this.#outbox.reply(event.requestId, answer);
    switch (event.kind) {
      case "join-group":
        return this.#join(event, now);
      case "sync-group":
        if (this.#state.hasMembers && this.#state.consumer !== undefined)
          return reply(syncClassic(this.#state.consumer, event.request, now));
        if (this.#state.classic === undefined) return reply(syncError(errorCodes.UNKNOWN_MEMBER_ID));
        return syncGroup(this.#state.classic, event.requestId, event.request, now);
      case "heartbeat":
        return reply({ errorCode: this.#heartbeat(event.request, now) } satisfies HeartbeatAnswer);
      case "consumer-heartbeat":
        return reply(this.#consumerHeartbeat(event, now));
      case "leave-group":
        return reply(this.#leave(event.request, now));
      case "offset-commit":
        return reply(this.#commit(event.request, event.facts, now));
      case "transactional-offset-commit":
        return reply(this.#commitTransactional(event.request, now));
      case "transaction-ended":
        this.#append(this.#state.transactional.end(event.end, now, this.#state.offsets.complete));
        return reply(undefined);
      case "offset-fetch":
        return reply(fetchOffsets(this.#state, event.request));
      case "offset-delete": {
        const { answer, entry } = deleteOffsets(this.#state, event.request);
        this.#append(entry);
        return reply(answer);
      }
      case "forget-topics":
        this.#append(this.#forgetTopics(event.topicIds));
        return reply(undefined);
      case "describe-group":
        return reply(
          this.#state.consumer === undefined ? describeClassic(this.#state.classic) : noSuchGroup("is not a classic group."),
        );
      case "describe-consumer-group":
        return reply(this.#describeConsumer());
      case "list-group":
        return reply(this.#list());
      case "delete-group":
        return reply({ errorCode: this.#delete(now) } satisfies DeleteGroupAnswer);
    }
  }

  #join(join: JoinEvent, now: number): void {
    const { memberId, sessionTimeoutMs } = join.request;
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options;
    const refuse = (errorCode: number) => this.#outbox.reply(join.requestId, joinError(errorCode, memberId));
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      return refuse(errorCodes.INVALID_SESSION_TIMEOUT);
    }
    this.#look(join);
    if (this.#state.consumer !== undefined && this.#state.hasMembers) {
      if (this.#view === undefined) return refuse(errorCodes.COORDINATOR_LOAD_IN_PROGRESS);
      return this.#outbox.reply(join.requestId, joinClassic(this.#state.consumer, join, this.#view, now));
    }
    if (this.#state.classic === undefined && memberId !== "") return refuse(errorCodes.UNKNOWN_MEMBER_ID);
    this.#state.consumer = undefined;
    this.#state.classic ??= this.#state.newClassic(now);
    joinGroup(this.#state.classic, join, now);
  }

  #look({ view, configs }: JoinEvent | BeatEvent): void {
    if (view !== undefined && view.version >= (this.#view?.version ?? 0)) this.#view = view;
    if (configs !== undefined) this.#surroundings.configs.adopt(configs);
  }

  #heartbeat(request: HeartbeatRequest, now: number): number {
    if (this.#state.consumer !== undefined) return heartbeatClassic(this.#state.consumer, request, now);
    return this.#state.classic === undefined ? errorCodes.UNKNOWN_MEMBER_ID : heartbeat(this.#state.classic, request, now);
  }

  #consumerHeartbeat(beat: BeatEvent, now: number): ConsumerHeartbeatAnswer {
    this.#look(beat);
    const refusal = checkHeartbeat(beat.request, beat.facts.apiVersion) ?? this.#becomeConsumer(beat, now);
    return refusal === undefined ? consumerHeartbeat(this.#state.consumer!, beat, now) : refused(refusal);
  }

  /** Who joins makes the group one of the consumer protocol if it can be: a new one, an empty one, or with all its members. */
  #becomeConsumer(beat: BeatEvent, now: number): Refusal | undefined {
    if (this.#state.consumer !== undefined) return undefined;
    const { memberEpoch } = beat.request;
    if (memberEpoch !== 0) {
      const { groupId } = this.#options;
      const missing = memberEpoch > 0 ? `Consumer group ${groupId} not found.` : `Group ${groupId} not found.`;
      const errorMessage = this.#state.exists ? `Group ${groupId} is not a consumer group.` : missing;
      return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage };
    }
    const consumer = this.#state.newConsumer(now);
    if (this.#state.classic !== undefined && this.#state.hasMembers) {
      const change = upgraded(this.#state.classic, beat.view);
      if ("errorCode" in change) return change;
      consumer.takeOver(change);
      const admission = admit(consumer, beat);
      if ("errorCode" in admission) return admission;
      this.#state.classic.dissolve();
      consumer.resume(now);
    }
    this.#dropClassic();
    this.#state.consumer = consumer;
    return undefined;
  }

  /** Only classic members are left: they go on in a classic group. */
  #followDowngrade(now: number): void {
    const consumer = this.#state.consumer;
    if (consumer?.downgrade === undefined) return;
    this.#deadlines.clearAll();
    this.#state.consumer = undefined;
    this.#state.classic = downgraded(consumer, this.#surroundings, now);
    if (consumer.downgrade.rebalances) this.#state.classic.prepareRebalance(now);
    else this.#append(membershipEntry(this.#state.classic));
  }

  #describeConsumer(): DescribeConsumerGroupAnswer {
    if (this.#state.consumer !== undefined) return describeConsumer(this.#state.consumer);
    return noSuchConsumerGroup(this.#state.classic === undefined ? "not found." : "is not a consumer group.");
  }

  #list(): GroupListing | undefined {
    if (this.#state.consumer !== undefined) return listConsumer(this.#state.consumer);
    return this.#state.classic === undefined ? undefined : listClassic(this.#state.classic);
  }

  #leave(request: LeaveGroupRequest, now: number): LeaveGroupAnswer {
    if (this.#state.consumer !== undefined) return leaveConsumerGroup(this.#state.consumer, request, now);
    if (this.#state.classic !== undefined) return leaveGroup(this.#state.classic, request, now);
    return {
      errorCode: errorCodes.NONE,
      members: request.members.map((leaving) => ({ ...leaving, errorCode: errorCodes.UNKNOWN_MEMBER_ID })),
    };
  }

  #commit(request: OffsetCommitRequest, facts: ClientFacts, now: number): OffsetCommitAnswer {
    const errorCode = checkCommit(this.#state, request, facts, now);
    if (errorCode !== errorCodes.NONE) return commitRefused(request, errorCode);
    const { partitionErrors, entry } = this.#state.offsets.commit(request, this.#options.offsetMetadataMaxBytes, now);
    // A group that only stores offsets comes into being with the first of them.
    if (entry !== undefined && !this.#state.exists) this.#state.classic = this.#state.newClassic(now);
    this.#append(entry);
    return { partitionErrors };
  }

  #commitTransactional(request: TransactionalOffsetCommitRequest, now: number): OffsetCommitAnswer {
    const { transactional } = this.#state;
    const errorCode = checkTransactionalCommit(this.#state, request, now) || transactional.check(request);
    if (errorCode !== errorCodes.NONE) return commitRefused(request, errorCode);
    const { partitionErrors, topics } = acceptable(request.topics, this.#options.offsetMetadataMaxBytes);
    if (topics.length > 0) {
      if (!this.#state.exists) this.#state.classic = this.#state.newClassic(now);
      this.#append(transactional.add(request, topics, now));
    }
    return { partitionErrors };
  }

  #forgetTopics(topicIds: readonly TopicId[]): Uint8Array | undefined {
    const gone = new Set(topicIds);
    const committed = topicIds.map((topicId) => ({ topicId, partitions: this.#state.offsets.partitionsOf(topicId) }));
    const pending = this.#state.transactional.keys().filter(({ topicId }) => gone.has(topicId));
    return this.#state.removeOffsets([...committed, ...pending]);
  }

  #delete(now: number): number {
    if (!this.#state.exists) return errorCodes.GROUP_ID_NOT_FOUND;
    if (this.#state.hasMembers) return errorCodes.NON_EMPTY_GROUP;
    this.#forget(now);
    return errorCodes.NONE;
  }

  #forget(now: number): void {
    this.#dropClassic();
    this.#state.consumer = undefined;
    this.#state.offsets.clear();
    this.#state.quietSince = -1;
    this.#wipe(now);
  }

  /** What is still on the way for transactions that have ended must be refused even so. */
  #wipe(now: number): void {
    this.#outbox.wipe();
    this.#append(this.#state.transactional.clear(now));
  }

  #dropClassic(): void {
    for (const memberId of this.#state.classic?.members.pending ?? []) this.#state.classic?.removePending(memberId);
    this.#state.classic = undefined;
  }

  #append(entry: Uint8Array | undefined): void {
    if (entry !== undefined) this.#outbox.append(entry);
  }

  #signOfLife(): void {
    this.#heardSinceAlarm = true;
    if (this.#state.quietSince >= 0) this.#quiet(-1);
  }

  #quiet(since: number): void {
    this.#state.quietSince = since;
    this.#outbox.append(new ByteWriter().int(quietKind).int(since).finish());
  }

  #alarm(now: number): void {
    if (!this.#state.exists) {
      if (!this.#ring.isEmpty) this.#wipe(now);
      return;
    }
    if (this.#state.hasMembers) {
      if (!this.#heardSinceAlarm && this.#state.quietSince < 0) this.#quiet(now);
      this.#heardSinceAlarm = false;
    }
    const unused = [...expirations(this.#state, this.#options.offsetsRetentionMs)];
    this.#append(this.#state.removeOffsets(unused.filter(({ at }) => at <= now)));
    if (this.#state.hasMembers) return;
    const joining = this.#state.classic !== undefined && this.#state.classic.members.pending.size > 0;
    if (!this.#state.hasOffsets && !joining && now >= this.#state.emptySince + emptyGroupMs) this.#forget(now);
  }

  #effects(now: number): Effect[] {
    if (this.#state.classic !== undefined && isUntouched(this.#state.classic) && !this.#state.hasOffsets) {
      this.#state.classic = undefined;
      if (!this.#ring.isEmpty) this.#wipe(now);
    }
    const { entries, replies, wiped } = this.#outbox.take();
    if (wiped) this.#ring.reset();
    const rows = this.#ring.append(entries, () => this.#state.snapshot());
    return [...(wiped ? [{ kind: "wipe" } as const] : []), ...rows, ...replies];
  }
}

function commitRefused({ topics }: Pick<OffsetCommitRequest, "topics">, errorCode: number): OffsetCommitAnswer {
  return { partitionErrors: topics.map(({ partitions }) => partitions.map(() => errorCode)) };
}

/** Made for a request that came to nothing, or for offsets that are gone. */
function isUntouched({ state, generationId, members }: ClassicGroup): boolean {
  return state === "Empty" && generationId === 0 && members.size === 0 && members.pending.size === 0;
}
