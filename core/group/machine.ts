/**
 * One group: its members, its committed offsets and the rows both live in. It hands each request to the part that decides it,
 * turns what changed into rows, and knows when it must be looked at again. The Durable Object around it and the simulator carry
 * the effects out and bring the time.
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinError, syncError } from "./classic/answers.ts";
import { describeClassic, listClassic } from "./classic/describe.ts";
import { ClassicGroup, deadlinePassed, type ClassicState } from "./classic/group.ts";
import { joinGroup } from "./classic/join.ts";
import { checkCommit, heartbeat, leaveGroup, syncGroup } from "./classic/requests.ts";
import { readAssignment, readMembership, writeMembership } from "./classic/rows.ts";
import { isSubscribed } from "./classic/subscription.ts";
import { Deadlines } from "./deadlines.ts";
import { assignmentKind, membershipKind, offsetsKind, offsetsRemovedKind, quietKind } from "./entries.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { isSignOfLife, type GroupEvent } from "./events.ts";
import { Offsets } from "./offsets.ts";
import type { GroupOptions } from "./options.ts";
import { Outbox, type Effect } from "./outbox.ts";
import type {
  ClientFacts,
  DeleteGroupAnswer,
  HeartbeatAnswer,
  LeaveGroupAnswer,
  LeaveGroupRequest,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetDeleteRequest,
  OffsetFetchAnswer,
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
  #classic: ClassicGroup | undefined;
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
    if (group.#classic === undefined && !group.#offsets.isEmpty) group.#classic = group.#newClassic(0);
    if (state !== undefined) group.#classic?.resume(state, group.#quietSince >= 0 ? group.#quietSince : now);
    return group;
  }

  get exists(): boolean {
    return this.#classic !== undefined;
  }

  handle(event: GroupEvent, now: number): Effect[] {
    if (isSignOfLife(event)) this.#signOfLife();
    this.#dispatch(event, now);
    return this.tick(now);
  }

  tick(now: number): Effect[] {
    for (const name of this.#deadlines.due(now)) if (this.#classic !== undefined) deadlinePassed(this.#classic, name, now);
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
    if (this.#classic === undefined) return undefined;
    if (this.#classic.state !== "Empty") {
      return current === undefined || current > now + backstopMs ? now + backstopMs : undefined;
    }
    if (current !== undefined || this.#ring.isEmpty) return undefined;
    if (this.#offsets.isEmpty) return Math.max(this.#classic.stateSince + emptyGroupMs, now + 1);
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
      case "leave-group":
        return reply(this.#leave(event.request, now));
      case "offset-commit":
        return reply(this.#commit(event.request, event.facts, now));
      case "offset-fetch": {
        const topics = this.#offsets.fetch(event.request, () => false);
        return reply({ errorCode: errorCodes.NONE, topics } satisfies OffsetFetchAnswer);
      }
      case "offset-delete":
        return reply(this.#deleteOffsets(event.request));
      case "forget-topics":
        this.#append(this.#offsets.removeTopics(event.topicIds));
        return reply(undefined);
      case "describe-group":
        return reply(describeClassic(this.#classic));
      case "list-group":
        return reply(this.#classic === undefined ? undefined : listClassic(this.#classic));
      case "delete-group":
        return reply({ errorCode: this.#delete() } satisfies DeleteGroupAnswer);
    }
  }

  #newClassic(now: number): ClassicGroup {
    return new ClassicGroup({ options: this.#options, deadlines: this.#deadlines, outbox: this.#outbox }, now);
  }

  #join(join: Extract<GroupEvent, { kind: "join-group" }>, now: number): void {
    const { memberId, sessionTimeoutMs } = join.request;
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options;
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      return this.#outbox.reply(join.requestId, joinError(errorCodes.INVALID_SESSION_TIMEOUT, memberId));
    }
    if (this.#classic === undefined && memberId !== "") {
      return this.#outbox.reply(join.requestId, joinError(errorCodes.UNKNOWN_MEMBER_ID, memberId));
    }
    this.#classic ??= this.#newClassic(now);
    joinGroup(this.#classic, join, now);
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
    if (entry !== undefined) this.#classic ??= this.#newClassic(now);
    this.#append(entry);
    return { partitionErrors };
  }

  #checkCommit(request: OffsetCommitRequest, { apiVersion }: ClientFacts, now: number): number {
    if (this.#classic !== undefined) return checkCommit(this.#classic, request, now);
    if (request.generationId < 0) return errorCodes.NONE;
    return apiVersion >= 9 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.ILLEGAL_GENERATION;
  }

  #deleteOffsets({ topics }: OffsetDeleteRequest): OffsetDeleteAnswer {
    const classic = this.#classic;
    if (classic === undefined) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, partitionErrors: [] };
    if (classic.state !== "Empty" && classic.protocolType !== "consumer")
      return { errorCode: errorCodes.NON_EMPTY_GROUP, partitionErrors: [] };
    const subscribed = topics.map(({ name }) => isSubscribed(classic, name));
    this.#append(this.#offsets.remove(topics.filter((_, index) => !subscribed[index])));
    const partitionErrors = topics.map(({ partitions }, index) =>
      partitions.map(() => (subscribed[index] ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE)),
    );
    return { errorCode: errorCodes.NONE, partitionErrors };
  }

  #delete(): number {
    if (this.#classic === undefined) return errorCodes.GROUP_ID_NOT_FOUND;
    if (this.#classic.state !== "Empty") return errorCodes.NON_EMPTY_GROUP;
    this.#forget();
    return errorCodes.NONE;
  }

  #forget(): void {
    for (const memberId of this.#classic?.members.pending ?? []) this.#classic?.removePending(memberId);
    this.#classic = undefined;
    this.#offsets.clear();
    this.#quietSince = -1;
    this.#outbox.wipe();
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
    const classic = this.#classic;
    if (classic === undefined) return;
    if (classic.state !== "Empty") {
      if (!this.#heardSinceAlarm && this.#quietSince < 0) this.#quiet(now);
      this.#heardSinceAlarm = false;
      return;
    }
    const expired = [...this.#expirations()].filter(({ at }) => at <= now);
    this.#append(this.#offsets.remove(expired));
    if (this.#offsets.isEmpty && classic.members.pending.size === 0 && now >= classic.stateSince + emptyGroupMs) this.#forget();
  }

  /** Only for groups without members. Those that never had any count from each commit alone. */
  #expirations() {
    const classic = this.#classic;
    const idleSince = classic === undefined || classic.protocolType === null ? 0 : classic.stateSince;
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
    const writer = new ByteWriter().int(this.#quietSince).int(this.#classic === undefined ? 0 : 1);
    if (this.#classic !== undefined) writeMembership(this.#classic, writer);
    this.#offsets.write(writer);
    return writer.finish();
  }

  #readSnapshot(reader: ByteReader, now: number): ClassicState | undefined {
    this.#quietSince = reader.int();
    const state = reader.int() === 0 ? undefined : this.#readMembership(reader, now);
    this.#offsets.read(reader);
    return state;
  }

  #readMembership(reader: ByteReader, now: number): ClassicState {
    this.#classic = this.#newClassic(now);
    return readMembership(this.#classic, reader);
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
