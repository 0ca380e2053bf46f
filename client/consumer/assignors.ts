/**
 * Who of a classic group gets which partitions; the leader decides for all. Range gives each member neighbours, topic by topic, as
 * Java's does. Cooperative-sticky keeps as much as possible where it is and evens out the rest; what moves is given to nobody in the
 * round in which its owner has yet to let go of it (KIP-429).
 */
import { type TopicPartition, partitionKey } from "../records/record.ts";

export interface GroupMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  /** In which it came to own them; of two claims the younger counts. */
  readonly generationId: number;
}

/** By member id. */
export type Assignments = Map<string, TopicPartition[]>;
export type PartitionCounts = ReadonlyMap<string, number>;

export interface Assignor {
  /** By which members of other clients know it. */
  readonly name: string;
  /** Members keep what they own while the group rebalances. */
  readonly isCooperative: boolean;
  assign(members: readonly GroupMember[], partitionCounts: PartitionCounts): Assignments;
}

const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Static members keep their place whatever their member id is. */
function inOrder(members: readonly GroupMember[]): GroupMember[] {
  return members.toSorted((one, other) => {
    if (one.groupInstanceId !== null && other.groupInstanceId !== null) return byText(one.groupInstanceId, other.groupInstanceId);
    if (one.groupInstanceId !== null || other.groupInstanceId !== null) return one.groupInstanceId !== null ? -1 : 1;
    return byText(one.memberId, other.memberId);
  });
}

function emptyAssignments(members: readonly GroupMember[]): Assignments {
  return new Map(members.map(({ memberId }) => [memberId, []]));
}

function assignRange(members: readonly GroupMember[], partitionCounts: PartitionCounts): Assignments {
  const assignments = emptyAssignments(members);
  const ordered = inOrder(members);
  for (const topic of [...partitionCounts.keys()].sort(byText)) {
    const subscribers = ordered.filter(({ topics }) => topics.includes(topic));
    const count = partitionCounts.get(topic)!;
    let next = 0;
    for (const [index, { memberId }] of subscribers.entries()) {
      const share = Math.floor(count / subscribers.length) + (index < count % subscribers.length ? 1 : 0);
      for (let left = share; left > 0; left--) assignments.get(memberId)!.push({ topic, partition: next++ });
    }
  }
  return assignments;
}

interface Claim {
  readonly memberId: string;
  readonly generationId: number;
}

/** Whose each partition is, of those that are still there and subscribed to; of two claims of one generation neither counts. */
function validClaims(members: readonly GroupMember[], partitionCounts: PartitionCounts): Map<string, Claim> {
  const claims = new Map<string, Claim>();
  const disputed = new Set<string>();
  for (const { memberId, topics, owned, generationId } of members) {
    for (const { topic, partition } of owned) {
      if (!topics.includes(topic) || partition >= (partitionCounts.get(topic) ?? 0)) continue;
      const key = partitionKey(topic, partition);
      const other = claims.get(key);
      if (other !== undefined && other.generationId === generationId) disputed.add(key);
      if (other !== undefined && other.generationId >= generationId) continue;
      if (other !== undefined) disputed.delete(key);
      claims.set(key, { memberId, generationId });
    }
  }
  for (const key of disputed) claims.delete(key);
  return claims;
}

function assignSticky(members: readonly GroupMember[], partitionCounts: PartitionCounts): Assignments {
  const ordered = inOrder(members);
  const claims = validClaims(members, partitionCounts);
  const subscribers = new Map<string, GroupMember[]>();
  for (const topic of partitionCounts.keys()) {
    subscribers.set(
      topic,
      ordered.filter(({ topics }) => topics.includes(topic)),
    );
  }
  const assignments = emptyAssignments(members);
  const free: TopicPartition[] = [];
  for (const topic of [...partitionCounts.keys()].sort(byText)) {
    if (subscribers.get(topic)!.length === 0) continue;
    for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
      const claim = claims.get(partitionKey(topic, partition));
      if (claim === undefined) free.push({ topic, partition });
      else assignments.get(claim.memberId)!.push({ topic, partition });
    }
  }
  const loadOf = ({ memberId }: GroupMember): number => assignments.get(memberId)!.length;
  const leastLoaded = (topic: string): GroupMember =>
    subscribers.get(topic)!.reduce((least, member) => (loadOf(member) < loadOf(least) ? member : least));
  // Those with the fewest takers first: the others can go anywhere.
  for (const each of free.sort((one, other) => subscribers.get(one.topic)!.length - subscribers.get(other.topic)!.length))
    assignments.get(leastLoaded(each.topic).memberId)!.push(each);
  balance(ordered, assignments, leastLoaded, loadOf);
  withhold(members, assignments);
  return assignments;
}

/** Moves one partition at a time from the busiest who can spare one to the idlest who may take it, until nothing gets more even. */
function balance(
  ordered: readonly GroupMember[],
  assignments: Assignments,
  leastLoaded: (topic: string) => GroupMember,
  loadOf: (member: GroupMember) => number,
): void {
  const moveFrom = (member: GroupMember): boolean => {
    const mine = assignments.get(member.memberId)!;
    for (const topic of new Set(mine.map((each) => each.topic))) {
      const least = leastLoaded(topic);
      if (loadOf(least) + 1 >= mine.length) continue;
      const last = mine.findLastIndex((each) => each.topic === topic);
      assignments.get(least.memberId)!.push(...mine.splice(last, 1));
      return true;
    }
    return false;
  };
  while (ordered.toSorted((one, other) => loadOf(other) - loadOf(one)).some(moveFrom));
}

/** What another member still holds is given out when it has let go, in the round that follows. */
function withhold(members: readonly GroupMember[], assignments: Assignments): void {
  const holders = new Map<string, string[]>();
  for (const { memberId, owned } of members) {
    for (const { topic, partition } of owned) {
      const key = partitionKey(topic, partition);
      const known = holders.get(key);
      if (known === undefined) holders.set(key, [memberId]);
      else known.push(memberId);
    }
  }
  for (const [memberId, partitions] of assignments) {
    const mayHave = ({ topic, partition }: TopicPartition): boolean =>
      (holders.get(partitionKey(topic, partition)) ?? []).every((holder) => holder === memberId);
    assignments.set(memberId, partitions.filter(mayHave));
  }
}

export const rangeAssignor: Assignor = { name: "range", isCooperative: false, assign: assignRange };
export const cooperativeStickyAssignor: Assignor = { name: "cooperative-sticky", isCooperative: true, assign: assignSticky };
