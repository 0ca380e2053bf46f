/**
 * A consumer group (KIP-848): the coordinator itself assigns, and each heartbeat takes its member one step towards its target. A
 * change of members, subscriptions or topics bumps the group epoch, the next heartbeat computes a new target, and members move
 * there at their own pace: those who lose partitions first.
 */
import { errorCodes } from "../../../protocol/errors.ts";
import type { TopicId } from "../../coordinator.ts";
import type { Deadlines } from "../deadlines.ts";
import type { GroupOptions } from "../options.ts";
import type { Outbox } from "../outbox.ts";
import type { ClientFacts } from "../requests.ts";
import { assignors, defaultAssignor, type Target } from "./assignors.ts";
import {
  checkEpoch,
  leaveEpoch,
  leaveForAWhileEpoch,
  refused,
  tooLarge,
  unknownMember,
  unreleased,
  type Refusal,
} from "./checks.ts";
import { isFull, metadataOf, sameMember, subscriptionChanged, unsaid } from "./metadata.ts";
import { newConsumerMember, reconcile, type ConsumerMember } from "./member.ts";
import type { ConsumerHeartbeatAnswer, ConsumerHeartbeatRequest, TopicsView } from "./requests.ts";
import { consumerEntry, type ConsumerChange } from "./rows.ts";
import { sameTopics, Subscriptions, type SubscribedTopics } from "./subscriptions.ts";
import { TopicPartitions } from "./topic-partitions.ts";

export interface ConsumerHeartbeat {
  readonly request: ConsumerHeartbeatRequest;
  readonly facts: ClientFacts;
  /** Random: the id of a member that has none (version 0). */
  readonly uuid: string;
  readonly view: TopicsView;
}

const sessionPrefix = "session:";
const revocationPrefix = "revocation:";

export class ConsumerGroup {
  readonly #options: GroupOptions;
  readonly #deadlines: Deadlines;
  readonly #outbox: Outbox;
  readonly #members = new Map<string, ConsumerMember>();
  readonly #instances = new Map<string, string>();
  readonly #subscriptions = new Subscriptions();
  /** What somebody has or has yet to give up. */
  readonly #owned = new TopicPartitions();
  #target: Target = new Map();
  #topics: SubscribedTopics = new Map();
  /** The catalog's version that the topics were last compared with. */
  #viewVersion = -1;
  groupEpoch = 0;
  targetEpoch = 0;
  assignorName = defaultAssignor;
  emptySince: number;

  constructor(options: GroupOptions, deadlines: Deadlines, outbox: Outbox, now: number) {
    this.#options = options;
    this.#deadlines = deadlines;
    this.#outbox = outbox;
    this.emptySince = now;
  }

  get size(): number {
    return this.#members.size;
  }

  get members(): Iterable<ConsumerMember> {
    return this.#members.values();
  }

  member(memberId: string): ConsumerMember | undefined {
    return this.#members.get(memberId);
  }

  targetOf(memberId: string): TopicPartitions {
    return this.#target.get(memberId) ?? new TopicPartitions();
  }

  get state(): "Empty" | "Assigning" | "Reconciling" | "Stable" {
    if (this.size === 0) return "Empty";
    if (this.groupEpoch > this.targetEpoch) return "Assigning";
    const settled = [...this.members].every(({ state, memberEpoch }) => state === "Stable" && memberEpoch === this.targetEpoch);
    return settled ? "Stable" : "Reconciling";
  }

  topicName(topicId: TopicId): string | undefined {
    for (const [name, { id }] of this.#topics) if (id === topicId) return name;
    return undefined;
  }

  /** By name or by a pattern, as far as the topic exists. */
  isSubscribedTo(topic: string): boolean {
    return (
      this.size > 0 && (this.#topics.has(topic) || [...this.members].some((member) => member.subscribedTopicNames.includes(topic)))
    );
  }

  heartbeat(beat: ConsumerHeartbeat, now: number): ConsumerHeartbeatAnswer {
    const { memberEpoch } = beat.request;
    return memberEpoch === leaveEpoch || memberEpoch === leaveForAWhileEpoch
      ? this.#leave(beat.request, now)
      : this.#beat(beat, now);
  }

  #beat({ request, facts, uuid, view }: ConsumerHeartbeat, now: number): ConsumerHeartbeatAnswer {
    const memberId = request.memberId === "" ? uuid : request.memberId;
    if (this.size >= this.#options.consumerMaxSize && !this.#members.has(memberId))
      return refused(tooLarge(this.#options.consumerMaxSize));
    const found = this.#find(memberId, request);
    if ("errorCode" in found) return refused(found);
    const before = found.member;
    const described = { ...before, ...metadataOf(before, request, facts) };
    const replaced = found.replaces === undefined ? [] : [found.replaces];
    for (const id of replaced) this.#replace(id, memberId);
    const isNew = !this.#members.has(memberId);
    const moved = subscriptionChanged(before, described) || (isNew && found.replaces === undefined);
    this.#put(described);
    const topicsChanged = this.#refreshTopics(view, moved);
    if (moved || topicsChanged) this.groupEpoch++;
    const target = this.groupEpoch > this.targetEpoch;
    if (target) this.#retarget(view);
    const after = reconcile(described, {
      targetEpoch: this.targetEpoch,
      target: this.targetOf(memberId),
      owned: request.topicPartitions,
      isOwned: (topicId, partition) => this.#owned.has(topicId, partition),
    });
    this.#put(after);
    this.#watch(after, before, now);
    const changed = isNew || !sameMember(before, after);
    if (changed || target || topicsChanged) {
      this.emptySince = 0;
      this.#persist({
        removed: replaced,
        members: changed ? [after] : [],
        target: target || replaced.length > 0 ? this.#target : undefined,
        topics: topicsChanged ? this.#topics : undefined,
      });
    }
    const tell = request.memberEpoch === 0 || isFull(request) || !after.assigned.equals(before.assigned);
    return {
      errorCode: errorCodes.NONE,
      errorMessage: null,
      memberId,
      memberEpoch: after.memberEpoch,
      heartbeatIntervalMs: this.#options.consumerHeartbeatIntervalMs,
      assignment: tell ? after.assigned.list() : null,
    };
  }

  /** The member that speaks, or why it may not. `replaces`: the static instance was known under this member id. */
  #find(memberId: string, request: ConsumerHeartbeatRequest): { member: ConsumerMember; replaces?: string } | Refusal {
    const joins = request.memberEpoch === 0;
    const known = this.#members.get(memberId);
    const { instanceId } = request;
    if (instanceId !== null && joins) {
      const ownerId = this.#instances.get(instanceId);
      const owner = ownerId === undefined ? undefined : this.#members.get(ownerId);
      if (owner === undefined || ownerId === memberId) return { member: owner ?? newConsumerMember(memberId, unsaid) };
      if (owner.memberEpoch !== leaveForAWhileEpoch) return unreleased(memberId, owner);
      return { member: { ...owner, memberId, previousMemberEpoch: 0 }, replaces: owner.memberId };
    }
    if (joins) return { member: known ?? newConsumerMember(memberId, unsaid) };
    const refusal = this.#checkInstance(memberId, instanceId) ?? (known === undefined ? unknownMember(memberId) : undefined);
    return refusal ?? checkEpoch(known!, request) ?? { member: known! };
  }

  #checkInstance(memberId: string, instanceId: string | null): Refusal | undefined {
    if (instanceId === null) return undefined;
    const owner = this.#instances.get(instanceId);
    if (owner === undefined) {
      return { errorCode: errorCodes.UNKNOWN_MEMBER_ID, errorMessage: `Instance id ${instanceId} is unknown.` };
    }
    if (owner === memberId) return undefined;
    const errorMessage = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${owner}.`;
    return { errorCode: errorCodes.FENCED_INSTANCE_ID, errorMessage };
  }

  #leave(request: ConsumerHeartbeatRequest, now: number): ConsumerHeartbeatAnswer {
    const { memberId, memberEpoch, instanceId } = request;
    const member = this.#members.get(memberId);
    const refusal = this.#checkInstance(memberId, instanceId) ?? (member === undefined ? unknownMember(memberId) : undefined);
    if (refusal !== undefined) return refused(refusal);
    if (memberEpoch === leaveForAWhileEpoch) {
      // What it has stays its own until it comes back or its session ends.
      const away = { ...member!, memberEpoch, state: "Stable" as const, pendingRevocation: new TopicPartitions() };
      this.#put(away);
      this.#deadlines.clear(revocationPrefix + memberId);
      this.#persist({ removed: [], members: [away], target: undefined, topics: undefined });
    } else {
      this.#remove(memberId, now);
    }
    return { errorCode: 0, errorMessage: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
  }

  deadlinePassed(name: string, now: number): void {
    const prefix = name.startsWith(sessionPrefix) ? sessionPrefix : revocationPrefix;
    this.#remove(name.slice(prefix.length), now);
  }

  /** After rows were read. */
  resume(now: number): void {
    for (const member of this.members) this.#watch(member, { ...member, state: "Stable" }, now);
  }

  #remove(memberId: string, now: number): void {
    if (!this.#members.has(memberId)) return;
    this.#drop(memberId);
    this.#target.delete(memberId);
    this.groupEpoch++;
    if (this.size === 0) this.emptySince = now;
    this.#persist({ removed: [memberId], members: [], target: undefined, topics: undefined });
  }

  #drop(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    this.#members.delete(memberId);
    if (member.instanceId !== null && this.#instances.get(member.instanceId) === memberId)
      this.#instances.delete(member.instanceId);
    this.#disown(member);
    this.#deadlines.clear(sessionPrefix + memberId);
    this.#deadlines.clear(revocationPrefix + memberId);
  }

  #replace(oldId: string, newId: string): void {
    const target = this.targetOf(oldId);
    this.#drop(oldId);
    this.#target.delete(oldId);
    this.#target.set(newId, target);
  }

  #put(member: ConsumerMember): void {
    const before = this.#members.get(member.memberId);
    if (before !== undefined) this.#disown(before);
    this.#members.set(member.memberId, member);
    if (member.instanceId !== null) this.#instances.set(member.instanceId, member.memberId);
    for (const [topicId, partition] of member.assigned) this.#owned.add(topicId, partition);
    for (const [topicId, partition] of member.pendingRevocation) this.#owned.add(topicId, partition);
  }

  #disown({ assigned, pendingRevocation }: ConsumerMember): void {
    for (const [topicId, partition] of assigned) this.#owned.delete(topicId, partition);
    for (const [topicId, partition] of pendingRevocation) this.#owned.delete(topicId, partition);
  }

  /** The session runs anew; who has partitions to give up has its rebalance timeout for it. */
  #watch(member: ConsumerMember, before: ConsumerMember, now: number): void {
    this.#deadlines.set(sessionPrefix + member.memberId, now + this.#options.consumerSessionTimeoutMs);
    if (member.state !== "UnrevokedPartitions") this.#deadlines.clear(revocationPrefix + member.memberId);
    else if (before.state !== "UnrevokedPartitions" || before.memberEpoch !== member.memberEpoch) {
      this.#deadlines.set(revocationPrefix + member.memberId, now + member.rebalanceTimeoutMs);
    }
  }

  #refreshTopics(view: TopicsView, force: boolean): boolean {
    if (!force && view.version === this.#viewVersion) return false;
    this.#viewVersion = view.version;
    const topics = this.#subscriptions.of(this.members, view);
    if (sameTopics(topics, this.#topics)) return false;
    this.#topics = topics;
    return true;
  }

  #retarget(view: TopicsView): void {
    const partitionCounts = new Map([...this.#topics.values()].map(({ id, partitions }) => [id, partitions]));
    const members = Array.from(this.members, (member) => {
      const ids = [...this.#subscriptions.namesOf(member, view)].flatMap((name) => this.#topics.get(name)?.id ?? []);
      return { memberId: member.memberId, instanceId: member.instanceId, topics: new Set(ids) };
    });
    this.assignorName = preferredAssignor(this.members);
    this.#target = assignors.get(this.assignorName)!({ members, partitionCounts, current: this.#target });
    this.targetEpoch = this.groupEpoch;
  }

  #persist(change: Pick<ConsumerChange, "removed" | "members" | "target" | "topics">): void {
    const { groupEpoch, targetEpoch, assignorName, emptySince } = this;
    this.#outbox.append(consumerEntry({ groupEpoch, targetEpoch, assignorName, emptySince, ...change }));
  }

  /** Everything, for a snapshot. */
  all(): ConsumerChange {
    const { groupEpoch, targetEpoch, assignorName, emptySince } = this;
    const members = [...this.members];
    return { groupEpoch, targetEpoch, assignorName, emptySince, removed: [], members, target: this.#target, topics: this.#topics };
  }

  apply(change: ConsumerChange): void {
    this.groupEpoch = change.groupEpoch;
    this.targetEpoch = change.targetEpoch;
    this.assignorName = change.assignorName;
    this.emptySince = change.emptySince;
    for (const memberId of change.removed) {
      this.#drop(memberId);
      this.#target.delete(memberId);
    }
    for (const member of change.members) this.#put(member);
    if (change.target !== undefined) this.#target = new Map(change.target);
    if (change.topics !== undefined) this.#topics = change.topics;
  }
}

/** The one most members ask for. */
function preferredAssignor(members: Iterable<ConsumerMember>): string {
  const votes = new Map<string, number>();
  for (const { serverAssignor } of members) {
    if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1);
  }
  let winner: string | undefined;
  for (const [name, count] of votes) if (winner === undefined || count > votes.get(winner)!) winner = name;
  return winner ?? defaultAssignor;
}
