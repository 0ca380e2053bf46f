/**
 * Which topics the members of a consumer group subscribe to, by name and by pattern, of those that exist. Patterns are tried on all
 * topics once per version of the catalog.
 */
import type { TopicId } from "../../coordinator.ts";
import type { ConsumerMember } from "./member.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import type { TopicsView } from "./requests.ts";

/** By name: what assignments depend on. */
export type SubscribedTopics = ReadonlyMap<string, { readonly id: TopicId; readonly partitions: number }>;

export class Subscriptions {
  #version = -1;
  readonly #matches = new Map<string, readonly string[]>();

  /** The names a member subscribes to, existing or not. */
  namesOf(member: Pick<ConsumerMember, "subscribedTopicNames" | "subscribedTopicRegex">, view: TopicsView): Set<string> {
    const names = new Set(member.subscribedTopicNames);
    if (member.subscribedTopicRegex) for (const name of this.#matching(member.subscribedTopicRegex, view)) names.add(name);
    return names;
  }

  of(members: Iterable<ConsumerMember>, view: TopicsView): SubscribedTopics {
    const names = new Set<string>();
    for (const member of members) for (const name of this.namesOf(member, view)) names.add(name);
    const topics = new Map<string, { readonly id: TopicId; readonly partitions: number }>();
    for (const name of [...names].sort()) {
      const topic = view.topics.get(name);
      if (topic !== undefined) topics.set(name, topic);
    }
    return topics;
  }

  #matching(regex: string, view: TopicsView): readonly string[] {
    if (view.version !== this.#version) this.#matches.clear();
    this.#version = view.version;
    let matches = this.#matches.get(regex);
    if (matches === undefined) {
      const pattern = compilePattern(regex);
      matches = "problem" in pattern ? [] : matchingNames(pattern, view);
      this.#matches.set(regex, matches);
    }
    return matches;
  }
}

function matchingNames(pattern: Pattern, view: TopicsView): string[] {
  return [...view.topics.keys()].filter((name) => pattern.matches(name));
}

export function sameTopics(left: SubscribedTopics, right: SubscribedTopics): boolean {
  if (left.size !== right.size) return false;
  for (const [name, { id, partitions }] of left) {
    const other = right.get(name);
    if (other?.id !== id || other.partitions !== partitions) return false;
  }
  return true;
}
