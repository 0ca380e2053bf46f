/**
 * A consumer group (KIP-848): the coordinator itself assigns, and each heartbeat takes its member one step towards its target. A
 * change of members, subscriptions or topics bumps the group epoch, the next step computes a new target, and members move there at
 * their own pace: those who lose partitions first. What each request means is decided in heartbeat.ts and classic-members.ts.
 */
import type { TopicId } from "../../coordinator.ts";
import type { Surroundings } from "../surroundings.ts";
import { assignors, defaultAssignor, type Target } from "./assignors.ts";
import { leaveForAWhileEpoch } from "./checks.ts";
import { sameMember, subscriptionChanged } from "./metadata.ts";
import { reconcile, type ConsumerMember } from "./member.ts";
import type { TopicsView } from "./requests.ts";
import { consumerEntry, type ConsumerChange } from "./rows.ts";
import { sameTopics, Subscriptions, type SubscribedTopics } from "./subscriptions.ts";
import { TopicPartitions, type PartitionsOfTopic } from "./topic-partitions.ts";

const sessionPrefix = "session:";
const revocationPrefix = "revocation:";
/** Of classic members: until then one that was told to rejoin must, and one that joined must have synced. */
const joinPrefix = "join:";
const syncPrefix = "sync:";
const prefixes = [sessionPrefix, revocationPrefix, joinPrefix, syncPrefix];

/** What a member says, held against what is known of it. */
export interface Step {
  /** As the group knows the member, or new. */
  readonly before: ConsumerMember;
  /** With what it says of itself now. */
  readonly described: ConsumerMember;
  /** The static instance was known under this member id. */
  readonly replaces: string | undefined;
  /** What it says it owns; null: it did not say. */
  readonly owned: readonly PartitionsOfTopic[] | null;
  readonly view: TopicsView;
}

export class ConsumerGroup {
  readonly surroundings: Surroundings;
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
  /** Taken over from a classic group and not written yet. */
  #isTakenOver = false;
  /** Set when only classic members are left: the group is to go on as a classic one, with a rebalance or without. */
  downgrade: { readonly rebalances: boolean } | undefined;

  constructor(surroundings: Surroundings, now: number) {
    this.surroundings = surroundings;
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

  memberOf(instanceId: string): ConsumerMember | undefined {
    const memberId = this.#instances.get(instanceId);
    return memberId === undefined ? undefined : this.#members.get(memberId);
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

  /** Something that the member is meant to have has not been given up by another yet. */
  waitsForOthers(member: ConsumerMember): boolean {
    if (member.state !== "UnreleasedPartitions") return false;
    const missing = this.targetOf(member.memberId).without(member.assigned);
    return missing.filter((topicId, partition) => this.#owned.has(topicId, partition)).size > 0;
  }

  /** Once these are gone, or have come back under the classic protocol, nobody speaks the consumer protocol any more. */
  downgradesWithout(gone: readonly ConsumerMember[], sizeThen: number): boolean {
    const { migrationPolicy, maxSize } = this.surroundings.options;
    const isClassic = (member: ConsumerMember) => member.classic !== null;
    if (gone.every(isClassic) || sizeThen === 0) return false;
    if (![...this.members].every((member) => isClassic(member) || gone.includes(member))) return false;
    return migrationPolicy.downgrades && sizeThen <= maxSize;
  }

  /** Takes the member in, or what it says anew, and brings it as near to its target as it can get. Answers it as it then is. */
  step(
    { before, described, replaces, owned, view }: Step,
    now: number,
  ): { readonly member: ConsumerMember; readonly moved: boolean } {
    const { memberId } = described;
    if (replaces !== undefined) this.#replace(replaces, memberId);
    const isNew = !this.#members.has(memberId);
    // The first epoch is 1, whatever the first member subscribes to.
    const moved = this.groupEpoch === 0 || subscriptionChanged(before, described);
    this.#put(described);
    const topicsChanged = this.#refreshTopics(view, moved);
    if (moved || topicsChanged) this.groupEpoch++;
    const target = this.groupEpoch > this.targetEpoch;
    if (target) this.#retarget(view);
    const member = reconcile(described, {
      targetEpoch: this.targetEpoch,
      target: this.targetOf(memberId),
      owned,
      isOwned: (topicId, partition) => this.#owned.has(topicId, partition),
    });
    this.#put(member);
    this.#watch(member, before, now);
    const changed = isNew || !sameMember(before, member);
    if (changed || target || topicsChanged) {
      this.emptySince = 0;
      this.#persist({
        removed: replaces === undefined ? [] : [replaces],
        members: changed ? [member] : [],
        target: target || replaces !== undefined ? this.#target : undefined,
        topics: topicsChanged ? this.#topics : undefined,
      });
    }
    return { member, moved };
  }

  /** A static member leaves and will be back: what it has stays its own until then, or until its session ends. */
  setAway(member: ConsumerMember): void {
    const away = {
      ...member,
      memberEpoch: leaveForAWhileEpoch,
      state: "Stable" as const,
      pendingRevocation: new TopicPartitions(),
    };
    this.#put(away);
    this.surroundings.deadlines.clear(revocationPrefix + member.memberId);
    this.#persist({ removed: [], members: [away], target: undefined, topics: undefined });
  }

  /** These are gone. When only classic members are left nothing is written of it but by the group that they go on in. */
  fence(memberIds: readonly string[], now: number): void {
    const gone = [...new Set(memberIds)].flatMap((memberId) => this.#members.get(memberId) ?? []);
    if (gone.length === 0) return;
    const downgrades = this.downgradesWithout(gone, this.size - gone.length);
    for (const { memberId } of gone) {
      this.#drop(memberId);
      this.#target.delete(memberId);
    }
    if (downgrades) {
      this.downgrade = { rebalances: true };
      return;
    }
    this.groupEpoch++;
    if (this.size === 0) this.emptySince = now;
    const topics = this.#withoutUnsubscribed();
    this.#persist({ removed: gone.map(({ memberId }) => memberId), members: [], target: undefined, topics });
  }

  deadlinePassed(name: string, now: number): void {
    const prefix = prefixes.find((start) => name.startsWith(start));
    if (prefix !== undefined) this.fence([name.slice(prefix.length)], now);
  }

  /** After rows were read, and after members were taken over: everybody gets a whole session from `now` on. */
  resume(now: number): void {
    for (const member of this.members) this.#watch(member, { ...member, state: "Stable" }, now);
  }

  /** The member lives: its session begins anew. */
  heard({ memberId, classic }: ConsumerMember, now: number): void {
    const sessionTimeoutMs = classic?.sessionTimeoutMs ?? this.surroundings.configs.consumerSessionTimeoutMs;
    this.surroundings.deadlines.set(sessionPrefix + memberId, now + sessionTimeoutMs);
  }

  /** A classic member was told to rejoin. */
  awaitJoin({ memberId, rebalanceTimeoutMs }: ConsumerMember, now: number): void {
    this.surroundings.deadlines.setIfAbsent(joinPrefix + memberId, now + rebalanceTimeoutMs);
  }

  /** A classic member joined. */
  awaitSync({ memberId, rebalanceTimeoutMs }: ConsumerMember, now: number): void {
    this.surroundings.deadlines.clear(joinPrefix + memberId);
    this.surroundings.deadlines.set(syncPrefix + memberId, now + rebalanceTimeoutMs);
  }

  synced({ memberId }: ConsumerMember): void {
    this.surroundings.deadlines.clear(syncPrefix + memberId);
  }

  #drop(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    this.#members.delete(memberId);
    if (member.instanceId !== null && this.#instances.get(member.instanceId) === memberId)
      this.#instances.delete(member.instanceId);
    this.#disown(member);
    for (const prefix of prefixes) this.surroundings.deadlines.clear(prefix + memberId);
  }

  #replace(oldId: string, newId: string): void {
    const target = this.targetOf(oldId);
    this.#drop(oldId);
    this.#target.delete(oldId);
    this.#target.set(newId, target);
  }

  #put(member: ConsumerMember): void {
    const before = this.#members.get(member.memberId);
    this.#members.set(member.memberId, member);
    if (member.instanceId !== null) this.#instances.set(member.instanceId, member.memberId);
    // A heartbeat that moves nothing must not cost a step per partition.
    if (before?.assigned === member.assigned && before.pendingRevocation === member.pendingRevocation) return;
    if (before !== undefined) this.#disown(before);
    for (const [topicId, partition] of member.assigned) this.#owned.add(topicId, partition);
    for (const [topicId, partition] of member.pendingRevocation) this.#owned.add(topicId, partition);
  }

  #disown({ assigned, pendingRevocation }: ConsumerMember): void {
    for (const [topicId, partition] of assigned) this.#owned.delete(topicId, partition);
    for (const [topicId, partition] of pendingRevocation) this.#owned.delete(topicId, partition);
  }

  /** The session runs anew; who has partitions to give up has its rebalance timeout for it, unless it must rejoin anyway. */
  #watch(member: ConsumerMember, before: ConsumerMember, now: number): void {
    this.heard(member, now);
    const { deadlines } = this.surroundings;
    if (member.classic === null) {
      deadlines.clear(joinPrefix + member.memberId);
      deadlines.clear(syncPrefix + member.memberId);
    }
    if (member.state !== "UnrevokedPartitions" || member.classic !== null) deadlines.clear(revocationPrefix + member.memberId);
    else if (before.state !== "UnrevokedPartitions" || before.memberEpoch !== member.memberEpoch || before.classic !== null) {
      deadlines.set(revocationPrefix + member.memberId, now + member.rebalanceTimeoutMs);
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

  /** Without what only those who are gone subscribed to; undefined when that was nothing. */
  #withoutUnsubscribed(): SubscribedTopics | undefined {
    const topics = new Subscriptions().of(this.members, { version: 0, topics: this.#topics });
    if (sameTopics(topics, this.#topics)) return undefined;
    this.#topics = topics;
    return topics;
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
    const news = { groupEpoch, targetEpoch, assignorName, emptySince, ...change };
    this.surroundings.outbox.append(consumerEntry(this.#isTakenOver ? this.all() : news));
    this.#isTakenOver = false;
  }

  /** Everything, for a snapshot. */
  all(): ConsumerChange {
    const { groupEpoch, targetEpoch, assignorName, emptySince } = this;
    const members = [...this.members];
    return { groupEpoch, targetEpoch, assignorName, emptySince, removed: [], members, target: this.#target, topics: this.#topics };
  }

  /** The members of a classic group: they are written with the first step of whoever made them come over. */
  takeOver(change: ConsumerChange): void {
    this.apply(change);
    this.#isTakenOver = true;
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
