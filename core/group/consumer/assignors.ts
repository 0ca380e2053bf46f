/**
 * The server-side assignors of consumer groups (KIP-848). `uniform` spreads all partitions evenly and moves as few as it can;
 * `range` gives each member neighbouring partitions of each topic, the same ones of topics that are alike, so that joins work.
 */
import type { TopicId } from "../../coordinator.ts";
import { TopicPartitions } from "./topic-partitions.ts";

export interface AssignmentMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** The topics it subscribes to, of those that exist. */
  readonly topics: ReadonlySet<TopicId>;
}

export type Target = Map<string, TopicPartitions>;

export interface AssignmentInput {
  readonly members: readonly AssignmentMember[];
  readonly partitionCounts: ReadonlyMap<TopicId, number>;
  /** What each member was meant to have until now. */
  readonly current: ReadonlyMap<string, TopicPartitions>;
}

export const assignors: ReadonlyMap<string, (input: AssignmentInput) => Target> = new Map([
  ["uniform", assignUniform],
  ["range", assignRange],
]);

export const defaultAssignor = "uniform";

/** Static members first and by instance id, so that they get the same place after a restart. */
function inOrder(members: readonly AssignmentMember[]): AssignmentMember[] {
  const rank = ({ instanceId, memberId }: AssignmentMember) => (instanceId === null ? `1${memberId}` : `0${instanceId}`);
  return members.toSorted((left, right) => (rank(left) < rank(right) ? -1 : 1));
}

function assignRange({ members, partitionCounts }: AssignmentInput): Target {
  const target: Target = new Map(members.map(({ memberId }) => [memberId, new TopicPartitions()]));
  const ordered = inOrder(members);
  for (const [topicId, count] of partitionCounts) {
    const subscribers = ordered.filter(({ topics }) => topics.has(topicId));
    let next = 0;
    subscribers.forEach(({ memberId }, index) => {
      const share = Math.floor(count / subscribers.length) + (index < count % subscribers.length ? 1 : 0);
      for (const end = next + share; next < end; next++) target.get(memberId)!.add(topicId, next);
    });
  }
  return target;
}

/**
 * Everybody keeps what it has, up to its share; what is free goes to whoever has least; then partitions move from those who have
 * too much to those who have too little, along chains of members where subscriptions differ.
 */
function assignUniform({ members, partitionCounts, current }: AssignmentInput): Target {
  const loads = inOrder(members).map((member): Load => ({ ...member, assigned: new TopicPartitions() }));
  keepCurrent(loads, partitionCounts, current);
  for (const [topicId, partition] of free(loads, partitionCounts)) {
    const subscribers = loads.filter(({ topics }) => topics.has(topicId));
    if (subscribers.length > 0) least(subscribers).assigned.add(topicId, partition);
  }
  balance(loads);
  return new Map(loads.map(({ memberId, assigned }) => [memberId, assigned]));
}

interface Load extends AssignmentMember {
  readonly assigned: TopicPartitions;
}

function keepCurrent(loads: readonly Load[], counts: ReadonlyMap<TopicId, number>, current: AssignmentInput["current"]): void {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const alike = loads.every(({ topics }) => sameTopics(topics, loads[0]!.topics));
  const share = Math.floor(total / Math.max(loads.length, 1));
  let extra = total - share * loads.length;
  for (const { memberId, topics, assigned } of loads) {
    for (const [topicId, partition] of current.get(memberId) ?? []) {
      if (!topics.has(topicId) || partition >= (counts.get(topicId) ?? 0)) continue;
      if (alike && assigned.size >= share + 1) break;
      if (alike && assigned.size === share) {
        if (extra === 0) break;
        extra--;
      }
      assigned.add(topicId, partition);
    }
  }
}

function sameTopics(left: ReadonlySet<TopicId>, right: ReadonlySet<TopicId>): boolean {
  return left.size === right.size && [...left].every((topicId) => right.has(topicId));
}

function* free(loads: readonly Load[], counts: ReadonlyMap<TopicId, number>): Generator<readonly [TopicId, number]> {
  const taken = new TopicPartitions();
  for (const { assigned } of loads) for (const [topicId, partition] of assigned) taken.add(topicId, partition);
  for (const [topicId, count] of counts) {
    for (let partition = 0; partition < count; partition++) if (!taken.has(topicId, partition)) yield [topicId, partition];
  }
}

function least(loads: readonly Load[]): Load {
  return loads.reduce((best, load) => (load.assigned.size < best.assigned.size ? load : best));
}

function balance(loads: readonly Load[]): void {
  for (;;) {
    const ascending = loads.toSorted((left, right) => left.assigned.size - right.assigned.size);
    // Only who has two less than somebody can be brought nearer to them: mostly nobody, and then there is nothing to search.
    const sizeMax = (ascending.at(-1)?.assigned.size ?? 0) - 2;
    if (!ascending.some((load) => load.assigned.size <= sizeMax && relieve(load, loads))) return;
  }
}

/** Brings `poor` one partition more, if some member can be reached that has two more than it: each on the way passes one on. */
function relieve(poor: Load, loads: readonly Load[]): boolean {
  const from = new Map<Load, { readonly to: Load; readonly topicId: TopicId; readonly partition: number }>();
  const reached = new Set([poor]);
  for (const to of reached) {
    for (const donor of loads) {
      if (reached.has(donor)) continue;
      const movable = [...donor.assigned].find(([topicId]) => to.topics.has(topicId));
      if (movable === undefined) continue;
      reached.add(donor);
      from.set(donor, { to, topicId: movable[0], partition: movable[1] });
      if (donor.assigned.size < poor.assigned.size + 2) continue;
      for (let at: Load = donor; at !== poor;) {
        const { to: next, topicId, partition } = from.get(at)!;
        at.assigned.delete(topicId, partition);
        next.assigned.add(topicId, partition);
        at = next;
      }
      return true;
    }
  }
  return false;
}
