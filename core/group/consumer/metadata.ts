/** What a heartbeat says anew of its member, and whether that changes anything. */
import type { ClientFacts } from "../requests.ts";
import type { ConsumerMember, MemberMetadata } from "./member.ts";
import type { ConsumerHeartbeatRequest } from "./requests.ts";

export const unsaid: MemberMetadata = {
  instanceId: null,
  rackId: null,
  clientId: "",
  clientHost: "",
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: [],
  subscribedTopicRegex: null,
  serverAssignor: null,
  classic: null,
};

export function metadataOf(before: MemberMetadata, request: ConsumerHeartbeatRequest, facts: ClientFacts): MemberMetadata {
  return {
    instanceId: request.instanceId ?? before.instanceId,
    rackId: request.rackId ?? before.rackId,
    clientId: facts.clientId,
    clientHost: facts.clientHost,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    subscribedTopicNames: request.subscribedTopicNames ?? before.subscribedTopicNames,
    subscribedTopicRegex: request.subscribedTopicRegex ?? before.subscribedTopicRegex,
    serverAssignor: request.serverAssignor ?? before.serverAssignor,
    // Who beats so has come over, whatever it spoke before.
    classic: null,
  };
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  const names = new Set(left);
  return names.size === new Set(right).size && right.every((name) => names.has(name));
}

export function subscriptionChanged(before: MemberMetadata, after: MemberMetadata): boolean {
  return (
    !sameNames(before.subscribedTopicNames, after.subscribedTopicNames) ||
    (before.subscribedTopicRegex || null) !== (after.subscribedTopicRegex || null)
  );
}

export function sameMember(before: ConsumerMember, after: ConsumerMember): boolean {
  return (
    before.memberEpoch === after.memberEpoch &&
    before.state === after.state &&
    before.assigned === after.assigned &&
    before.instanceId === after.instanceId &&
    before.rackId === after.rackId &&
    before.clientId === after.clientId &&
    before.clientHost === after.clientHost &&
    before.rebalanceTimeoutMs === after.rebalanceTimeoutMs &&
    before.serverAssignor === after.serverAssignor &&
    before.classic === after.classic &&
    !subscriptionChanged(before, after)
  );
}

export function isFull(request: ConsumerHeartbeatRequest): boolean {
  const subscribes = request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null;
  return request.rebalanceTimeoutMs !== -1 && subscribes && request.topicPartitions !== null;
}
