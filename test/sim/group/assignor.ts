/**
 * How the leader of a simulated classic group assigns. Eager members gave up everything before they joined and get equal shares;
 * cooperative ones say what they own, and a partition that moves is given to nobody until its owner has given it up.
 */
import { readAssignment, readSubscription, writeAssignment } from "../../../core/group/consumer-protocol.ts";
import { Writer } from "../../../protocol/writer.ts";

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

/** As Java's consumers encode it: version 2, the one topic, user data, what is owned, since which generation. */
export function encodeClaims({ version, generation, owned }: Claims): Uint8Array {
  const writer = new Writer();
  writer.int16(2);
  writer.length(1, false);
  writer.text("a", false);
  writer.bytes(Uint8Array.of(version), false);
  writer.length(1, false);
  writer.text("a", false);
  writer.length(owned.length, false);
  for (const partition of owned) writer.int32(partition);
  writer.int32(generation);
  return writer.finish()[0]!;
}

function encodePartitions(partitions: readonly number[]): Uint8Array {
  return writeAssignment([{ topic: "a", partitions }], 2);
}

export function decodePartitions(assignment: Uint8Array): readonly number[] {
  return readAssignment(assignment)!.partitions.flatMap(({ partitions }) => partitions);
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
    const { generationId: generation, ownedPartitions } = readSubscription(metadata)!;
    for (const partition of ownedPartitions.flatMap(({ partitions }) => partitions))
      if (generation > (owners.get(partition)?.generation ?? -1)) owners.set(partition, { index, generation });
  }
  return new Map(Array.from(owners, ([partition, { index }]) => [partition, index]));
}
