/**
 * One group: its members, its committed offsets and the rows both live in. It hands each request to the part that decides it,
 * turns what changed into rows, and knows when it must be looked at again. The Durable Object around it and the simulator carry
 * the effects out and bring the time.
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinError, syncError } from "./classic/answers.ts";
import { describeClassic, listClassic, noSuchGroup } from "./classic/describe.ts";
import { ClassicGroup, deadlinePassed, type ClassicState } from "./classic/group.ts";
import { joinGroup } from "./classic/join.ts";
import { checkCommit, heartbeat, leaveGroup, syncGroup } from "./classic/requests.ts";
import { readAssignment, readMembership, writeMembership } from "./classic/rows.ts";
import { isSubscribed } from "./classic/subscription.ts";
import { checkHeartbeat, refused } from "./consumer/checks.ts";
import { describeConsumer, listConsumer, noSuchConsumerGroup } from "./consumer/describe.ts";
import { ConsumerGroup, type ConsumerHeartbeat } from "./consumer/group.ts";
import { checkConsumerCommit, checkConsumerFetch } from "./consumer/offset-checks.ts";
import type { ConsumerHeartbeatAnswer, DescribeConsumerGroupAnswer } from "./consumer/requests.ts";
import { readChange, writeChange } from "./consumer/rows.ts";
import { Deadlines } from "./deadlines.ts";
import { assignmentKind, consumerKind, membershipKind, offsetsKind, offsetsRemovedKind, quietKind } from "./entries.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { isSignOfLife, type GroupEvent } from "./events.ts";
import { Offsets } from "./offsets.ts";
import type { GroupOptions } from "./options.ts";
import { Outbox, type Effect } from "./outbox.ts";
import type {
  ClientFacts,
  DeleteGroupAnswer,
  GroupListing,
  HeartbeatAnswer,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetDeleteRequest,
  OffsetFetchAnswer,
  OffsetFetchRequest,
} from "./requests.ts";
import { joinChunks, Ring, type StoredRow, type StoredSnapshot } from "./ring.ts";

/** While there are members an alarm this far ahead brings the group back should it be evicted; precise times are kept in memory. */
const backstopMs = 60_000;
/** A group without members and offsets is forgotten after as long. */
const emptyGroupMs = 600_000;

export class GroupMachine {
  readonly #options: GroupOptions;
  readonly #deadlines = new Deadlines();
  readonly #outbox = new Outbox();
  readonly #ring = new Ring();
  readonly #offsets = new Offsets();
  /** Of one kind or of none: a group changes its kind only while it has no members. */
  #classic: ClassicGroup | undefined;
  #consumer: ConsumerGroup | undefined;
  /** Nobody has spoken since this time, though the group was there to listen: sessions run from then, whatever restarts. */
  #quietSince = -1;
  #heardSinceAlarm = false;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  static restore(
    options: GroupOptions,
    snapshot: StoredSnapshot | undefined,
    rows: readonly StoredRow[],
    now: number,
  ): GroupMachine {
    const group = new GroupMachine(options);
    let state: ClassicState | undefined;
    if (snapshot !== undefined) state = group.#readSnapshot(new ByteReader(joinChunks(snapshot.chunks)), now);
    for (const { entry } of group.#ring.restore(snapshot?.sequence ?? 0, rows)) {
      state = group.#readEntry(new ByteReader(entry), now) ?? state;
    }
    if (!group.exists && !group.#offsets.isEmpty) group.#classic = group.#newClassic(0);
    const heardAt = group.#quietSince >= 0 ? group.#quietSince : now;
    if (state !== undefined) group.#classic?.resume(state, heardAt);
    group.#consumer?.resume(heardAt);
    return group;
  }

  get exists(): boolean {
    return this.#classic !== undefined || this.#consumer !== undefined;
  }

  get #hasMembers(): boolean {
    return this.#consumer === undefined ? this.#classic !== undefined && this.#classic.state !== "Empty" : this.#consumer.size > 0;
  }

  /** For groups without members. */
  get #emptySince(): number {
    return this.#consumer?.emptySince ?? this.#classic?.stateSince ?? 0;
  }

  handle(event: GroupEvent, now: number): Effect[] {
    if (isSignOfLife(event)) this.#signOfLife();
    this.#dispatch(event, now);
    return this.tick(now);
  }

  tick(now: number): Effect[] {
    for (const name of this.#deadlines.due(now)) {
      this.#consumer?.deadlinePassed(name, now);
      if (this.#classic !== undefined) deadlinePassed(this.#classic, name, now);
    }
    return this.#effects();
  }

  nextDeadline(): number | undefined {
    return this.#deadlines.next();
  }

  /**
   * When the group must be woken even if it was evicted, given the alarm that is set: undefined leaves that one as it is. With
   * members it is a backstop; without, the day on which the group can be forgotten. A group that does not exist needs none.
   */
  wantsAlarm(current: number | undefined, now: number): number | undefined {
    if (!this.exists) return undefined;
    if (this.#hasMembers) {
      return current === undefined || current > now + backstopMs ? now + backstopMs : undefined;
    }
    if (current !== undefined || this.#ring.isEmpty) return undefined;
    if (this.#offsets.isEmpty) return Math.max(this.#emptySince + emptyGroupMs, now + backstopMs);
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#expirations()) earliest = Math.min(earliest, at);
    return Math.max(earliest, now + 1);
  }

  #dispatch(event: GroupEvent, now: number): void {
    if (event.kind === "alarm") return this.#alarm(now);
    const reply = (answer: unknown) => this.#outbox.reply(event.requestId, answer);
    switch (event.kind) {
      case "join-group":
        return this.#join(event, now);
      case "sync-group":
        if (this.#classic === undefined) return reply(syncError(errorCodes.UNKNOWN_MEMBER_ID));
        return syncGroup(this.#classic, event.requestId, event.request, now);
      case "heartbeat": {
        const errorCode = this.#classic === undefined ? errorCodes.UNKNOWN_MEMBER_ID : heartbeat(this.#classic, event.request, now);
        return reply({ errorCode } satisfies HeartbeatAnswer);
      }
      case "consumer-heartbeat":
        return reply(this.#consumerHeartbeat(event, now));
      case "leave-group":
        return reply(this.#leave(event.request, now));
      case "offset-commit":
        return reply(this.#commit(event.request, event.facts, now));
      case "offset-fetch":
        return reply(this.#fetch(event.request));
      case "offset-delete":
        return reply(this.#deleteOffsets(event.request));
      case "forget-topics":
        this.#append(this.#offsets.removeTopics(event.topicIds));
        return reply(undefined);
      case "describe-group":
        return reply(this.#consumer === undefined ? describeClassic(this.#classic) : noSuchGroup("is not a classic group."));
      case "describe-consumer-group":
        return reply(this.#describeConsumer());
      case "list-group":
        return reply(this.#list());
      case "delete-group":
        return reply({ errorCode: this.#delete() } satisfies DeleteGroupAnswer);
    }
  }

  #newClassic(now: number): ClassicGroup {
    return new ClassicGroup({ options: this.#options, deadlines: this.#deadlines, outbox: this.#outbox }, now);
  }

  #newConsumer(now: number): ConsumerGroup {
    return new ConsumerGroup(this.#options, this.#deadlines, this.#outbox, now);
  }

  #join(join: Extract<GroupEvent, { kind: "join-group" }>, now: number): void {
    const { memberId, sessionTimeoutMs } = join.request;
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options;
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      return this.#outbox.reply(join.requestId, joinError(errorCodes.INVALID_SESSION_TIMEOUT, memberId));
    }
    if (this.#consumer !== undefined && this.#consumer.size > 0) {
      return this.#outbox.reply(join.requestId, joinError(errorCodes.INCONSISTENT_GROUP_PROTOCOL, memberId));
    }
    if (this.#classic === undefined && memberId !== "") {
      return this.#outbox.reply(join.requestId, joinError(errorCodes.UNKNOWN_MEMBER_ID, memberId));
    }
    this.#consumer = undefined;
    this.#classic ??= this.#newClassic(now);
    joinGroup(this.#classic, join, now);
  }

  #consumerHeartbeat(beat: ConsumerHeartbeat, now: number): ConsumerHeartbeatAnswer {
    const refusal = checkHeartbeat(beat.request, beat.facts.apiVersion);
    if (refusal !== undefined) return refused(refusal);
    if (this.#consumer === undefined) {
      const classicInUse = this.#classic !== undefined && this.#hasMembers;
      if (classicInUse || beat.request.memberEpoch !== 0) {
        const errorMessage = classicInUse ? "is not a consumer group." : "not found.";
        return refused({ errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage });
      }
      this.#dropClassic();
      this.#consumer = this.#newConsumer(now);
    }
    return this.#consumer.heartbeat(beat, now);
  }

  #describeConsumer(): DescribeConsumerGroupAnswer {
    if (this.#consumer !== undefined) return describeConsumer(this.#consumer);
    return noSuchConsumerGroup(this.#classic === undefined ? "not found." : "is not a consumer group.");
  }

  #list(): GroupListing | undefined {
    if (this.#consumer !== undefined) return listConsumer(this.#consumer);
    return this.#classic === undefined ? undefined : listClassic(this.#classic);
  }

  #leave(request: LeaveGroupRequest, now: number): LeaveGroupAnswer {
    if (this.#classic !== undefined) return leaveGroup(this.#classic, request, now);
    return {
      errorCode: errorCodes.NONE,
      members: request.members.map((leaving) => ({ ...leaving, errorCode: errorCodes.UNKNOWN_MEMBER_ID })),
    };
  }

  #commit(request: OffsetCommitRequest, facts: ClientFacts, now: number): OffsetCommitAnswer {
    const errorCode = this.#checkCommit(request, facts, now);
    if (errorCode !== errorCodes.NONE)
      return { partitionErrors: request.topics.map(({ partitions }) => partitions.map(() => errorCode)) };
    const { partitionErrors, entry } = this.#offsets.commit(request, this.#options.offsetMetadataMaxBytes, now);
    // A group that only stores offsets comes into being with the first of them.
    if (entry !== undefined && !this.exists) this.#classic = this.#newClassic(now);
    this.#append(entry);
    return { partitionErrors };
  }

  #checkCommit(request: OffsetCommitRequest, { apiVersion }: ClientFacts, now: number): number {
    if (this.#consumer !== undefined) return checkConsumerCommit(this.#consumer, request, apiVersion);
    if (this.#classic !== undefined) return checkCommit(this.#classic, request, now);
    if (request.generationId < 0) return errorCodes.NONE;
    return apiVersion >= 9 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.ILLEGAL_GENERATION;
  }

  #fetch(request: OffsetFetchRequest): OffsetFetchAnswer {
    const errorCode = this.#consumer === undefined ? errorCodes.NONE : checkConsumerFetch(this.#consumer, request);
    return { errorCode, topics: errorCode === errorCodes.NONE ? this.#offsets.fetch(request, () => false) : [] };
  }

  #isSubscribed(topic: string): boolean {
    if (this.#consumer !== undefined) return this.#consumer.isSubscribedTo(topic);
    return this.#classic !== undefined && isSubscribed(this.#classic, topic);
  }

  #deleteOffsets({ topics }: OffsetDeleteRequest): OffsetDeleteAnswer {
    const classic = this.#classic;
    if (!this.exists) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, partitionErrors: [] };
    if (classic !== undefined && classic.state !== "Empty" && classic.protocolType !== "consumer")
      return { errorCode: errorCodes.NON_EMPTY_GROUP, partitionErrors: [] };
    const subscribed = topics.map(({ name }) => this.#isSubscribed(name));
    this.#append(this.#offsets.remove(topics.filter((_, index) => !subscribed[index])));
    const partitionErrors = topics.map(({ partitions }, index) =>
      partitions.map(() => (subscribed[index] ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE)),
    );
    return { errorCode: errorCodes.NONE, partitionErrors };
  }

  #delete(): number {
    if (!this.exists) return errorCodes.GROUP_ID_NOT_FOUND;
    if (this.#hasMembers) return errorCodes.NON_EMPTY_GROUP;
    this.#forget();
    return errorCodes.NONE;
  }

  #forget(): void {
    this.#dropClassic();
    this.#consumer = undefined;
    this.#offsets.clear();
    this.#quietSince = -1;
    this.#outbox.wipe();
  }

  #dropClassic(): void {
    for (const memberId of this.#classic?.members.pending ?? []) this.#classic?.removePending(memberId);
    this.#classic = undefined;
  }

  #append(entry: Uint8Array | undefined): void {
    if (entry !== undefined) this.#outbox.append(entry);
  }

  #signOfLife(): void {
    this.#heardSinceAlarm = true;
    if (this.#quietSince >= 0) this.#quiet(-1);
  }

  #quiet(since: number): void {
    this.#quietSince = since;
    this.#outbox.append(new ByteWriter().int(quietKind).int(since).finish());
  }

  #alarm(now: number): void {
    if (!this.exists) return;
    if (this.#hasMembers) {
      if (!this.#heardSinceAlarm && this.#quietSince < 0) this.#quiet(now);
      this.#heardSinceAlarm = false;
      return;
    }
    const expired = [...this.#expirations()].filter(({ at }) => at <= now);
    this.#append(this.#offsets.remove(expired));
    const joining = this.#classic !== undefined && this.#classic.members.pending.size > 0;
    if (this.#offsets.isEmpty && !joining && now >= this.#emptySince + emptyGroupMs) this.#forget();
  }

  /** Only for groups without members. Those that never had any count from each commit alone. */
  #expirations() {
    const simple = this.#consumer === undefined && this.#classic?.protocolType === null;
    const idleSince = simple ? 0 : this.#emptySince;
    return this.#offsets.expirations(this.#options.offsetsRetentionMs, idleSince);
  }

  #effects(): Effect[] {
    if (this.#classic !== undefined && isUntouched(this.#classic) && this.#offsets.isEmpty) {
      this.#classic = undefined;
      if (!this.#ring.isEmpty) this.#outbox.wipe();
    }
    const { entries, replies, wiped } = this.#outbox.take();
    if (wiped) this.#ring.reset();
    const rows = this.#ring.append(entries, () => this.#snapshot());
    return [...(wiped ? [{ kind: "wipe" } as const] : []), ...rows, ...replies];
  }

  #snapshot(): Uint8Array {
    const writer = new ByteWriter().int(this.#quietSince);
    if (this.#consumer !== undefined) writeChange(this.#consumer.all(), writer.int(consumerKind));
    else if (this.#classic !== undefined) writeMembership(this.#classic, writer.int(membershipKind));
    else writer.int(0);
    this.#offsets.write(writer);
    return writer.finish();
  }

  #readSnapshot(reader: ByteReader, now: number): ClassicState | undefined {
    this.#quietSince = reader.int();
    const kind = reader.int();
    const state = kind === membershipKind ? this.#readMembership(reader, now) : undefined;
    if (kind === consumerKind) this.#readConsumer(reader, now);
    this.#offsets.read(reader);
    return state;
  }

  #readMembership(reader: ByteReader, now: number): ClassicState {
    this.#consumer = undefined;
    this.#classic = this.#newClassic(now);
    return readMembership(this.#classic, reader);
  }

  #readConsumer(reader: ByteReader, now: number): void {
    this.#classic = undefined;
    this.#consumer ??= this.#newConsumer(now);
    this.#consumer.apply(readChange(reader));
  }

  /** The state of the classic group after the entry, if it is about that. */
  #readEntry(reader: ByteReader, now: number): ClassicState | undefined {
    const kind = reader.int();
    switch (kind) {
      case membershipKind:
        return this.#readMembership(reader, now);
      case assignmentKind:
        if (this.#classic === undefined) throw new RangeError("an assignment row without its membership");
        readAssignment(this.#classic, reader);
        return "Stable";
      case offsetsKind:
        this.#offsets.readCommit(reader);
        return undefined;
      case offsetsRemovedKind:
        this.#offsets.readRemoval(reader);
        return undefined;
      case consumerKind:
        this.#readConsumer(reader, now);
        return undefined;
      case quietKind:
        this.#quietSince = reader.int();
        return undefined;
      default:
        throw new RangeError(`unknown kind ${kind} of group row`);
    }
  }
}

/** Made for a request that came to nothing, or for offsets that are gone. */
function isUntouched({ state, generationId, members }: ClassicGroup): boolean {
  return state === "Empty" && generationId === 0 && members.size === 0 && members.pending.size === 0;
}
