/**
 * How the leader of a simulated classic group assigns. Eager members gave up everything before they joined and get equal shares;
 * cooperative ones say what they own, and a partition that moves is given to nobody until its owner has given it up.
 */
import { subscription, text, untext } from "../../core/group/harness.ts";

export interface Claims {
  /** Changes when the member's subscription would. */
  readonly version: number;
  readonly generation: number;
  readonly owned: readonly number[];
}

export interface Joined {
  readonly memberId: string;
  readonly metadata: Uint8Array;
}

const prefix = subscription("a");

export function encodeClaims(claims: Claims): Uint8Array {
  return Uint8Array.from([...prefix, ...text(JSON.stringify(claims))]);
}

export function encodePartitions(partitions: readonly number[]): Uint8Array {
  return text(partitions.join());
}

export function decodePartitions(assignment: Uint8Array): readonly number[] {
  return assignment.length === 0 ? [] : untext(assignment).split(",").map(Number);
}

export function assign(protocol: string, members: readonly Joined[], partitions: number) {
  const shares = protocol === "cooperative-sticky" ? sticky(members, partitions) : eager(members, partitions);
  return members.map(({ memberId }, index) => ({ memberId, assignment: encodePartitions(shares[index]!) }));
}

function eager(members: readonly Joined[], partitions: number): number[][] {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return members.map((_, index) => all.filter((partition) => partition % members.length === index));
}

function sticky(members: readonly Joined[], partitions: number): number[][] {
  const owners = ownersOf(members);
  const share = Math.ceil(partitions / members.length);
  const targets: number[][] = members.map(() => []);
  const free: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const target = targets[owners.get(partition) ?? -1];
    if (target !== undefined && target.length < share) target.push(partition);
    else free.push(partition);
  }
  for (const partition of free) targets.reduce((least, target) => (target.length < least.length ? target : least)).push(partition);
  return targets.map((target, index) => target.filter((partition) => (owners.get(partition) ?? index) === index));
}

/** The claim of the later generation counts. */
function ownersOf(members: readonly Joined[]): ReadonlyMap<number, number> {
  const owners = new Map<number, { readonly index: number; readonly generation: number }>();
  for (const [index, { metadata }] of members.entries()) {
    const { generation, owned } = JSON.parse(untext(metadata.slice(prefix.length))) as Claims;
    for (const partition of owned)
      if (generation > (owners.get(partition)?.generation ?? -1)) owners.set(partition, { index, generation });
  }
  return new Map(Array.from(owners, ([partition, { index }]) => [partition, index]));
}
