/**
 * One member of a classic group: what it said when it joined, what it was assigned, and the request of its that is parked, if
 * any. The table of members (members.ts) keeps the counts that depend on these fields: only the table changes them.
 */
import type { ClientFacts, GroupProtocol, JoinGroupRequest } from "../requests.ts";

export const noBytes = new Uint8Array(0);

export interface ClassicMember {
  memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly GroupProtocol[];
  assignment: Uint8Array;
  /** It has not yet been told of a generation: it cannot send heartbeats, so its parked join has a time limit of its own. */
  isNew: boolean;
  /** The id of its parked JoinGroup. */
  joinRequest: number | undefined;
  /** The id of its parked SyncGroup. */
  syncRequest: number | undefined;
}

export function rebalanceTimeoutOf(request: JoinGroupRequest): number {
  return request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs;
}

/** A protocol named twice counts once, with what was said first. */
export function distinctProtocols(protocols: readonly GroupProtocol[]): readonly GroupProtocol[] {
  const names = new Set<string>();
  return protocols.filter(({ name }) => !names.has(name) && names.add(name));
}

export function newMember(memberId: string, request: JoinGroupRequest, facts: ClientFacts): ClassicMember {
  return {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: facts.clientId,
    clientHost: facts.clientHost,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    protocols: distinctProtocols(request.protocols),
    assignment: noBytes,
    isNew: true,
    joinRequest: undefined,
    syncRequest: undefined,
  };
}

export function protocolMetadata(member: ClassicMember, protocolName: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? noBytes;
}

/** The same protocols in the same order with the same metadata: a join that changes nothing. */
export function hasProtocols(member: ClassicMember, protocols: readonly GroupProtocol[]): boolean {
  return sameProtocols(member.protocols, distinctProtocols(protocols));
}

export function sameProtocols(left: readonly GroupProtocol[], right: readonly GroupProtocol[]): boolean {
  return (
    left.length === right.length &&
    left.every(({ name, metadata }, index) => name === right[index]!.name && sameBytes(metadata, right[index]!.metadata))
  );
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
