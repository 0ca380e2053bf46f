/**
 * The phases of a classic group: members gather (PreparingRebalance), their leader assigns (CompletingRebalance), all go on
 * (Stable). It decides when a phase begins and ends and who is thrown out; join.ts, sync.ts and requests.ts decide what each
 * request means in each phase. Parked requests are ids in the members, answered through the outbox.
 */
import type { Deadlines } from "../deadlines.ts";
import { errorCodes } from "../../../protocol/errors.ts";
import type { GroupOptions } from "../options.ts";
import type { Outbox } from "../outbox.ts";
import type { JoinGroupAnswer } from "../requests.ts";
import type { Surroundings } from "../surroundings.ts";
import { joinError, joinForgotten, syncError, synced } from "./answers.ts";
import { noBytes, protocolMetadata, type ClassicMember } from "./member.ts";
import { Members } from "./members.ts";
import { assignmentEntry, membershipEntry } from "./rows.ts";

export type ClassicState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

/** Kafka's fixed limit for the parked join of a member that cannot send heartbeats yet. */
const newMemberJoinTimeoutMs = 5 * 60_000;

export class ClassicGroup {
  readonly members = new Members();
  readonly options: GroupOptions;
  readonly outbox: Outbox;
  readonly #deadlines: Deadlines;
  state: ClassicState = "Empty";
  /** The members gather for the first time: they are waited for, however few there are. */
  #initial: { delayMs: number; remainingMs: number; memberAdded: boolean } | undefined;
  #fromEmpty = false;
  generationId = 0;
  protocolType: string | null = null;
  protocolName: string | null = null;
  /** When the group came into this state; an empty group's offsets are kept from then on. */
  stateSince: number;

  constructor({ options, deadlines, outbox }: Surroundings, now: number) {
    this.options = options;
    this.outbox = outbox;
    this.#deadlines = deadlines;
    this.stateSince = now;
  }

  /** After rows were read: everybody gets a whole session and the phase its whole time from `now` on, as after a fail-over. */
  resume(state: ClassicState, now: number): void {
    this.state = state;
    if (state === "CompletingRebalance") {
      for (const { memberId } of this.members.all()) this.members.awaitedSyncs.add(memberId);
      this.#deadlines.set("sync", now + this.members.rebalanceTimeoutMs);
    }
    if (state === "PreparingRebalance") this.#deadlines.set("join", now + this.members.rebalanceTimeoutMs);
    for (const member of this.members.all()) this.heard(member, now);
  }

  /** The member lives: its session begins anew. */
  heard(member: ClassicMember, now: number): void {
    this.#deadlines.set(sessionOf(member.memberId), now + member.sessionTimeoutMs);
  }

  addPending(memberId: string, sessionTimeoutMs: number, now: number): void {
    this.members.pending.add(memberId);
    this.#deadlines.set(sessionOf(memberId), now + sessionTimeoutMs);
  }

  removePending(memberId: string): void {
    this.members.pending.delete(memberId);
    this.#deadlines.clear(sessionOf(memberId));
  }

  addMember(member: ClassicMember, protocolType: string, now: number): void {
    if (this.members.size === 0) this.protocolType = protocolType;
    if (this.#initial !== undefined) this.#initial.memberAdded = true;
    this.members.add(member);
    this.#deadlines.set(sessionOf(member.memberId), now + newMemberJoinTimeoutMs);
  }

  /** The member's parked requests are answered with UNKNOWN_MEMBER_ID: if it still lives it comes again. */
  removeMember(member: ClassicMember): void {
    this.answerJoin(member, joinForgotten);
    this.#answerSync(member, errorCodes.UNKNOWN_MEMBER_ID);
    this.#deadlines.clear(sessionOf(member.memberId));
    this.members.remove(member.memberId);
  }

  renameMember(member: ClassicMember, memberId: string): void {
    this.#deadlines.clear(sessionOf(member.memberId));
    this.members.rename(member, memberId);
    member.isNew = false;
  }

  answerJoin(member: ClassicMember, answer: JoinGroupAnswer): void {
    if (member.joinRequest === undefined) return;
    this.outbox.reply(member.joinRequest, answer);
    this.members.setJoinRequest(member, undefined);
  }

  #answerSync(member: ClassicMember, errorCode: number): void {
    if (member.syncRequest === undefined) return;
    const answer = errorCode === 0 ? synced(this.protocolType, this.protocolName, member.assignment) : syncError(errorCode);
    this.outbox.reply(member.syncRequest, answer);
    member.syncRequest = undefined;
  }

  /** The member's parked requests are answered with the error, and it stays. */
  refuseParked(member: ClassicMember, answer: JoinGroupAnswer): void {
    this.answerJoin(member, answer);
    this.#answerSync(member, answer.errorCode);
  }

  /** The group goes on under the other protocol, which everybody whose request is parked finds out when it joins again. */
  dissolve(): void {
    for (const member of this.members.all()) {
      this.refuseParked(member, joinError(errorCodes.REBALANCE_IN_PROGRESS, member.memberId));
    }
    this.#deadlines.clearAll();
  }

  /** A change that needs a rebalance: begin one, or count it into the one that gathers members now. */
  rebalance(now: number): void {
    if (this.state === "PreparingRebalance") this.completeJoinIfAllJoined(now);
    else this.prepareRebalance(now);
  }

  prepareRebalance(now: number): void {
    if (this.state === "CompletingRebalance") {
      for (const member of this.members.all()) {
        if (member.syncRequest !== undefined) this.heard(member, now);
        this.#answerSync(member, errorCodes.REBALANCE_IN_PROGRESS);
      }
    }
    this.#deadlines.clear("sync");
    this.#fromEmpty = this.state === "Empty";
    this.#enter("PreparingRebalance", now);
    if (this.#fromEmpty) {
      const delayMs = this.options.initialRebalanceDelayMs;
      const remainingMs = Math.max(this.members.rebalanceTimeoutMs - delayMs, 0);
      this.#initial = { delayMs, remainingMs, memberAdded: false };
      this.#deadlines.set("join", now + delayMs);
      return;
    }
    if (this.members.allJoined) {
      this.#completeJoin(now);
      return;
    }
    this.#deadlines.set("join", now + this.members.rebalanceTimeoutMs);
    this.outbox.append(membershipEntry(this));
  }

  /** Not before its time when the group was empty: more members may be on their way. */
  completeJoinIfAllJoined(now: number): void {
    if (this.state === "PreparingRebalance" && !this.#fromEmpty && this.members.allJoined) this.#completeJoin(now);
  }

  joinTimeIsUp(now: number): void {
    const initial = this.#initial;
    if (initial?.memberAdded && initial.remainingMs > 0) {
      const delayMs = Math.min(this.options.initialRebalanceDelayMs, initial.remainingMs);
      this.#initial = { delayMs, remainingMs: Math.max(initial.remainingMs - initial.delayMs, 0), memberAdded: false };
      this.#deadlines.set("join", now + delayMs);
      return;
    }
    this.#completeJoin(now);
  }

  #completeJoin(now: number): void {
    this.#deadlines.clear("join");
    this.#initial = undefined;
    for (const member of this.members.all()) {
      if (member.joinRequest === undefined && member.groupInstanceId === null) this.removeMember(member);
    }
    if (!this.members.electJoinedLeader() && this.members.size > 0) {
      // Only static members are left and none came: their sessions decide.
      this.#deadlines.set("join", now + this.members.rebalanceTimeoutMs);
      return;
    }
    this.#beginGeneration(now);
  }

  #beginGeneration(now: number): void {
    this.generationId++;
    this.members.awaitedSyncs.clear();
    if (this.members.size === 0) {
      this.protocolName = null;
      this.#enter("Empty", now);
      this.outbox.append(membershipEntry(this));
      return;
    }
    this.protocolName = this.members.selectProtocol();
    if (this.protocolName === null) throw new Error("members without a common protocol were admitted");
    this.#enter("CompletingRebalance", now);
    // Until the leader has spoken its last word holds: who takes part in a cooperative rebalance goes on with what it has.
    for (const member of this.members.all()) {
      member.isNew = false;
      this.members.awaitedSyncs.add(member.memberId);
      this.heard(member, now);
      this.answerJoin(member, this.joined(member));
    }
    this.#deadlines.set("sync", now + this.members.rebalanceTimeoutMs);
    this.outbox.append(membershipEntry(this));
  }

  /** What a member is told of the current generation. */
  joined(member: ClassicMember): JoinGroupAnswer {
    const isLeader = this.members.leader === member.memberId;
    return {
      errorCode: 0,
      generationId: this.generationId,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.members.leader ?? "",
      skipAssignment: false,
      memberId: member.memberId,
      members: isLeader ? this.joinedMembers() : [],
    };
  }

  joinedMembers(): JoinGroupAnswer["members"] {
    return Array.from(this.members.all(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: protocolMetadata(member, this.protocolName),
    }));
  }

  /** The leader has spoken: everybody who waits gets its part. */
  assign(assignments: ReadonlyMap<string, Uint8Array>, now: number): void {
    for (const member of this.members.all()) {
      member.assignment = assignments.get(member.memberId) ?? noBytes;
      if (member.syncRequest !== undefined) this.heard(member, now);
      this.#answerSync(member, 0);
    }
    this.#enter("Stable", now);
    this.outbox.append(assignmentEntry(this));
  }

  synced(memberId: string): void {
    this.members.awaitedSyncs.delete(memberId);
    if (this.members.awaitedSyncs.size === 0) this.#deadlines.clear("sync");
  }

  /** Members that took part in the join but never asked for their assignment would hold partitions nobody reads. */
  syncTimeIsUp(now: number): void {
    if (this.members.awaitedSyncs.size === 0) return;
    for (const memberId of this.members.awaitedSyncs) {
      const member = this.members.get(memberId);
      if (member !== undefined) this.removeMember(member);
    }
    this.members.awaitedSyncs.clear();
    this.prepareRebalance(now);
  }

  sessionTimeIsUp(memberId: string, now: number): void {
    if (this.members.pending.delete(memberId)) {
      this.completeJoinIfAllJoined(now);
      return;
    }
    const member = this.members.get(memberId);
    if (member === undefined) return;
    const waits = member.joinRequest !== undefined || member.syncRequest !== undefined;
    if (waits && !member.isNew) return;
    this.removeMember(member);
    this.membersLeft(now);
  }

  /** After members were removed. */
  membersLeft(now: number): void {
    if (this.state !== "Empty") this.rebalance(now);
  }

  #enter(state: ClassicState, now: number): void {
    this.state = state;
    this.stateSince = now;
  }
}

const sessionPrefix = "session:";

function sessionOf(memberId: string): string {
  return sessionPrefix + memberId;
}

/** Carries out a deadline that a classic group set. */
export function deadlinePassed(group: ClassicGroup, name: string, now: number): void {
  if (name === "join") group.joinTimeIsUp(now);
  else if (name === "sync") group.syncTimeIsUp(now);
  else group.sessionTimeIsUp(name.slice(sessionPrefix.length), now);
}
