/**
 * The rows of a classic group. One when members begin to gather, one when a generation begins, one when it is assigned, one
 * when the group empties or a static member comes back: never one for a heartbeat or a join that is waiting. So generations
 * only grow, and no two leaders can assign within one, whatever crashes between.
 */
import { ByteWriter, type ByteReader } from "../bytes.ts";
import { assignmentKind, membershipKind } from "../entries.ts";
import type { ClassicGroup, ClassicState } from "./group.ts";
import type { ClassicMember } from "./member.ts";

const states: readonly ClassicState[] = ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable"];

export function membershipEntry(group: ClassicGroup): Uint8Array {
  const writer = new ByteWriter().int(membershipKind);
  writeMembership(group, writer);
  return writer.finish();
}

export function writeMembership(group: ClassicGroup, writer: ByteWriter): void {
  writer.int(states.indexOf(group.state)).int(group.generationId).int(group.stateSince);
  writer.nullableString(group.protocolType).nullableString(group.protocolName).nullableString(group.members.leader);
  writer.list(group.members.all(), group.members.size, (member) => {
    writer.string(member.memberId).nullableString(member.groupInstanceId).string(member.clientId).string(member.clientHost);
    writer.int(member.sessionTimeoutMs).int(member.rebalanceTimeoutMs).bytes(member.assignment);
    writer.list(member.protocols, member.protocols.length, ({ name, metadata }) => writer.string(name).bytes(metadata));
  });
}

/** Fills a fresh group; the state is answered, for the group to resume once all rows are read. */
export function readMembership(group: ClassicGroup, reader: ByteReader): ClassicState {
  const state = states[reader.int()];
  if (state === undefined) throw new RangeError("unknown state in a group row");
  group.generationId = reader.int();
  group.stateSince = reader.int();
  group.protocolType = reader.nullableString();
  group.protocolName = reader.nullableString();
  const leader = reader.nullableString();
  for (const member of reader.list(() => readMember(reader))) group.members.add(member);
  group.members.leader = leader;
  return state;
}

function readMember(reader: ByteReader): ClassicMember {
  return {
    memberId: reader.string(),
    groupInstanceId: reader.nullableString(),
    clientId: reader.string(),
    clientHost: reader.string(),
    sessionTimeoutMs: reader.int(),
    rebalanceTimeoutMs: reader.int(),
    assignment: reader.bytes(),
    protocols: reader.list(() => ({ name: reader.string(), metadata: reader.bytes() })),
    isNew: false,
    joinRequest: undefined,
    syncRequest: undefined,
  };
}

/** Follows the membership row of the same generation. */
export function assignmentEntry(group: ClassicGroup): Uint8Array {
  const writer = new ByteWriter().int(assignmentKind).int(group.generationId).int(group.stateSince);
  return writer
    .list(group.members.all(), group.members.size, ({ memberId, assignment }) => writer.string(memberId).bytes(assignment))
    .finish();
}

export function readAssignment(group: ClassicGroup, reader: ByteReader): void {
  if (reader.int() !== group.generationId) throw new RangeError("an assignment row of another generation");
  group.stateSince = reader.int();
  for (const [memberId, assignment] of reader.list(() => [reader.string(), reader.bytes()] as const)) {
    const member = group.members.get(memberId);
    if (member !== undefined) member.assignment = assignment;
  }
}
