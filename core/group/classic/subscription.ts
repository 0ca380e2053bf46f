/** Which topics the members of a classic group are known to subscribe to: offsets that are still in use are not deleted. */
import { readSubscription } from "../consumer-protocol.ts";
import type { ClassicGroup } from "./group.ts";
import { protocolMetadata } from "./member.ts";

/** When the metadata cannot be read, a consumer group counts as subscribed: better to keep an offset than to lose one in use. */
export function isSubscribed(group: ClassicGroup, topic: string): boolean {
  if (group.protocolType !== "consumer" || group.members.size === 0) return false;
  if (group.protocolName === null) return true;
  for (const member of group.members.all()) {
    const subscription = readSubscription(protocolMetadata(member, group.protocolName));
    if (subscription === undefined || subscription.topics.includes(topic)) return true;
  }
  return false;
}
