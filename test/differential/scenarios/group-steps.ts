/** Members of classic groups, as the scenarios move them: joins that wait for others, subscriptions, and names for member ids. */
import { joinGroup } from "../../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../../protocol/messages/12-heartbeat.ts";
import { syncGroup } from "../../../protocol/messages/14-sync-group.ts";
import { encodeData } from "../../../protocol/codec.ts";
import { consumerProtocolSubscription } from "../../../protocol/messages/consumer-protocol.ts";
import type { ResponseOf } from "../../../protocol/schema.ts";
import type { Script } from "../script.ts";

type Joined = ResponseOf<typeof joinGroup>;

export function subscribedTo(...topics: readonly string[]): Uint8Array {
  return encodeData(consumerProtocolSubscription, 0, { topics });
}

export interface Joining {
  readonly memberId?: string;
  readonly instance?: string | null;
  readonly protocolType?: string;
  readonly protocols?: readonly { readonly name: string; readonly metadata: Uint8Array }[];
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
}

export const rangeOfNothing = [{ name: "range", metadata: subscribedTo("nothing") }];

export function joinRequest(script: Script, groupId: string, given: Joining = {}) {
  const version = script.versionOf(joinGroup);
  return {
    groupId,
    sessionTimeoutMs: given.sessionTimeoutMs ?? 30_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: given.rebalanceTimeoutMs ?? 30_000 } : {}),
    memberId: given.memberId ?? "",
    ...(version >= 5 ? { groupInstanceId: given.instance ?? null } : {}),
    protocolType: given.protocolType ?? "consumer",
    protocols: given.protocols ?? rangeOfNothing,
  };
}

/** Joins; a member that must come back with an id does. The name stands for the id in everything recorded. */
export async function join(script: Script, label: string, groupId: string, name: string, given: Joining = {}): Promise<Joined> {
  let answer = await script.ask(joinGroup, joinRequest(script, groupId, given), { wire: name });
  script.symbols.name(answer.memberId, name);
  if (answer.errorCode === 79) {
    script.record(`${label}, first without an id`, answer);
    answer = await script.ask(joinGroup, joinRequest(script, groupId, { ...given, memberId: answer.memberId }), { wire: name });
  }
  script.record(label, answer);
  return answer;
}

/** Until the group tells a member to join again: then whoever made it do so waits in the group. */
export async function untilRebalance(script: Script, groupId: string, member: Joined, wire: string): Promise<void> {
  await script.until(
    undefined,
    heartbeat,
    { groupId, generationId: member.generationId, memberId: member.memberId },
    ({ errorCode }) => errorCode === 27,
    { wire, version: 3 },
  );
}

export interface Syncing {
  readonly generationId?: number;
  readonly memberId?: string;
  readonly instance?: string | null;
  readonly protocolType?: string | null;
  readonly protocolName?: string | null;
}

export function syncRequest(
  script: Script,
  groupId: string,
  member: Joined,
  assignments: Readonly<Record<string, string>> = {},
  given: Syncing = {},
) {
  const version = script.versionOf(syncGroup);
  return {
    groupId,
    generationId: given.generationId ?? member.generationId,
    memberId: given.memberId ?? member.memberId,
    ...(version >= 3 ? { groupInstanceId: given.instance ?? null } : {}),
    ...(version >= 5 ? { protocolType: given.protocolType ?? "consumer", protocolName: given.protocolName ?? "range" } : {}),
    assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
  };
}

/** A stable group of one member. */
export async function lonely(script: Script, groupId: string, name = "A", given: Joining = {}): Promise<Joined> {
  let member = await script.ask(joinGroup, joinRequest(script, groupId, given), { wire: name });
  if (member.errorCode === 79) {
    member = await script.ask(joinGroup, joinRequest(script, groupId, { ...given, memberId: member.memberId }), { wire: name });
  }
  if (member.errorCode !== 0) throw new Error(`joining ${groupId}: ${member.errorCode}`);
  script.symbols.name(member.memberId, name);
  const { errorCode } = await script.ask(
    syncGroup,
    {
      groupId,
      generationId: member.generationId,
      memberId: member.memberId,
      assignments: [{ memberId: member.memberId, assignment: Buffer.from("all") }],
    },
    { wire: name, version: 4 },
  );
  if (errorCode !== 0) throw new Error(`syncing ${groupId}: ${errorCode}`);
  return member;
}
