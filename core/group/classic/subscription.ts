/**
 * The one look a coordinator takes inside a consumer's metadata: which topics its members subscribe to, so that offsets still in
 * use are not deleted. Version 0 is a prefix of every later version, so the version is read and ignored.
 */
import { DecodeError, Reader } from "../../../protocol/reader.ts";
import type { ClassicGroup } from "./group.ts";
import { protocolMetadata } from "./member.ts";

/** Its length alone takes two bytes. */
const nameSizeMin = 2;

/** When the metadata cannot be read, a consumer group counts as subscribed: better to keep an offset than to lose one in use. */
export function isSubscribed(group: ClassicGroup, topic: string): boolean {
  if (group.protocolType !== "consumer" || group.members.size === 0) return false;
  if (group.protocolName === null) return true;
  for (const member of group.members.all()) {
    const topics = subscribedTopics(protocolMetadata(member, group.protocolName));
    if (topics === undefined || topics.includes(topic)) return true;
  }
  return false;
}

/** Undefined when these are not the bytes of a subscription. */
function subscribedTopics(metadata: Uint8Array): readonly string[] | undefined {
  try {
    const reader = new Reader(metadata);
    reader.int16();
    const count = reader.length();
    reader.checkCount(count, nameSizeMin);
    return Array.from({ length: count }, () => {
      const length = reader.shortLength();
      if (length < 0) throw new DecodeError("a topic without a name");
      return reader.text(length);
    });
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
