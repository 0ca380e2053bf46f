/**
 * The members of a classic group and what follows from them: the leader, the static instances, who is expected to join or to
 * sync, and which protocols all of them speak. It knows no time and no phases; classic-group.ts decides when what happens.
 */
import { errorCodes } from "../../../protocol/errors.ts";
import type { GroupProtocol } from "../requests.ts";
import { distinctProtocols, type ClassicMember } from "./member.ts";

export class Members {
  readonly #members = new Map<string, ClassicMember>();
  readonly #instances = new Map<string, string>();
  readonly #supporters = new Map<string, number>();
  /** Ids given with MEMBER_ID_REQUIRED that have not come back yet. */
  readonly pending = new Set<string>();
  /** Who was told of the generation and has not sent SyncGroup for it. */
  readonly awaitedSyncs = new Set<string>();
  leader: string | null = null;
  #joining = 0;

  get size(): number {
    return this.#members.size;
  }

  /** How many have a JoinGroup parked. */
  get joining(): number {
    return this.#joining;
  }

  all(): IterableIterator<ClassicMember> {
    return this.#members.values();
  }

  get(memberId: string): ClassicMember | undefined {
    return this.#members.get(memberId);
  }

  has(memberId: string): boolean {
    return this.#members.has(memberId);
  }

  memberIdOf(groupInstanceId: string): string | undefined {
    return this.#instances.get(groupInstanceId);
  }

  add(member: ClassicMember): void {
    this.#members.set(member.memberId, member);
    if (member.groupInstanceId !== null) this.#instances.set(member.groupInstanceId, member.memberId);
    this.leader ??= member.memberId;
    this.pending.delete(member.memberId);
    if (member.joinRequest !== undefined) this.#joining++;
    this.#count(member.protocols, 1);
  }

  remove(memberId: string): void {
    this.pending.delete(memberId);
    this.awaitedSyncs.delete(memberId);
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    this.#members.delete(memberId);
    if (member.groupInstanceId !== null) this.#instances.delete(member.groupInstanceId);
    if (member.joinRequest !== undefined) this.#joining--;
    this.#count(member.protocols, -1);
    if (this.leader === memberId) this.leader = this.#members.keys().next().value ?? null;
  }

  /** The instance goes on under a new member id; what it was assigned, and its leadership, stay with it. */
  rename(member: ClassicMember, memberId: string): void {
    this.#members.delete(member.memberId);
    this.awaitedSyncs.delete(member.memberId);
    if (this.leader === member.memberId) this.leader = memberId;
    member.memberId = memberId;
    this.#members.set(memberId, member);
    if (member.groupInstanceId !== null) this.#instances.set(member.groupInstanceId, memberId);
  }

  setProtocols(member: ClassicMember, protocols: readonly GroupProtocol[]): void {
    this.#count(member.protocols, -1);
    member.protocols = distinctProtocols(protocols);
    this.#count(member.protocols, 1);
  }

  setJoinRequest(member: ClassicMember, requestId: number | undefined): void {
    if (member.joinRequest !== undefined) this.#joining--;
    if (requestId !== undefined) this.#joining++;
    member.joinRequest = requestId;
  }

  get allJoined(): boolean {
    return this.#joining === this.size && this.pending.size === 0;
  }

  /** The longest any member asks for. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const { rebalanceTimeoutMs } of this.all()) longest = Math.max(longest, rebalanceTimeoutMs);
    return longest;
  }

  /** A leader that did not rejoin gives way to a member that did. False when nobody did. */
  electJoinedLeader(): boolean {
    const leader = this.leader === null ? undefined : this.#members.get(this.leader);
    if (leader === undefined) return false;
    if (leader.joinRequest !== undefined) return true;
    for (const member of this.all()) {
      if (member.joinRequest === undefined) continue;
      this.leader = member.memberId;
      return true;
    }
    return false;
  }

  /** At least one of the protocols is one that every member speaks. */
  supportAnyOf(protocols: readonly GroupProtocol[]): boolean {
    return protocols.some(({ name }) => (this.#supporters.get(name) ?? 0) === this.size);
  }

  /** Every member votes for the first of its protocols that all speak; among equals the one that was voted for first wins. */
  selectProtocol(): string | null {
    const votes = new Map<string, number>();
    for (const member of this.all()) {
      const vote = member.protocols.find(({ name }) => this.#supporters.get(name) === this.size)?.name;
      if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1);
    }
    let winner: string | null = null;
    for (const [name, count] of votes) if (winner === null || count > votes.get(winner)!) winner = name;
    return winner;
  }

  /** Is this who it says it is? An instance id decides before the member id: a replaced static member must learn that it was. */
  check(memberId: string, groupInstanceId: string | null): number {
    if (groupInstanceId !== null) {
      const owner = this.#instances.get(groupInstanceId);
      if (owner === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (owner !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.#members.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
  }

  #count(protocols: readonly GroupProtocol[], change: 1 | -1): void {
    for (const { name } of protocols) {
      const supporters = (this.#supporters.get(name) ?? 0) + change;
      if (supporters === 0) this.#supporters.delete(name);
      else this.#supporters.set(name, supporters);
    }
  }
}
