/**
 * From what a request calls a partition (a name or, in newer versions, an id) to the topic and its cell, or Kafka's error. Known
 * topics cost no await: produce and fetch pass here for every partition.
 */
import type { TopicCatalog, TopicEntry } from "../../core/cluster/catalog.ts";
import { errorCodes } from "../../protocol/errors.ts";

export interface NamedTopic {
  /** Empty when the version speaks of ids. */
  readonly name: string;
  readonly topicId: string;
}

/** Undefined when the controller knows no such topic either. */
export function findTopic(
  catalog: TopicCatalog,
  { name, topicId }: NamedTopic,
  byId: boolean,
): TopicEntry | undefined | Promise<TopicEntry | undefined> {
  if (byId) return catalog.knownById(topicId) ?? catalog.byId(topicId);
  return catalog.knownByName(name) ?? catalog.byName(name);
}

/** Each topic's entry, in their order; what is not known is asked for in one go. Known topics cost no await here either. */
export function findTopics(
  catalog: TopicCatalog,
  topics: readonly NamedTopic[],
  byId: boolean,
): readonly (TopicEntry | undefined)[] | Promise<readonly (TopicEntry | undefined)[]> {
  const found = topics.map((topic) => findTopic(catalog, topic, byId));
  const isKnown = (entry: (typeof found)[number]): entry is TopicEntry | undefined => !(entry instanceof Promise);
  return found.every(isKnown) ? found : Promise.all(found.map(async (entry) => await entry));
}

/**
 * As `findTopics`, for requests about partitions: where one is not known the list of topics is looked at anew, because the topic may have
 * grown through another broker, and nothing else would ever tell this one. `hasAll` says of a topic's position whether so many are enough.
 */
export function findPartitions(
  catalog: TopicCatalog,
  topics: readonly NamedTopic[],
  byId: boolean,
  hasAll: (position: number, partitionCount: number) => boolean,
): readonly (TopicEntry | undefined)[] | Promise<readonly (TopicEntry | undefined)[]> {
  const isEnough = (entries: readonly (TopicEntry | undefined)[]): boolean =>
    entries.every((entry, position) => entry === undefined || hasAll(position, entry.partitions.length));
  const lookAgain = async (): Promise<readonly (TopicEntry | undefined)[]> => {
    await catalog.all();
    return topics.map(({ name, topicId }) => (byId ? catalog.lastById(topicId) : catalog.lastByName(name)));
  };
  const found = findTopics(catalog, topics, byId);
  if (found instanceof Promise) return found.then((entries) => (isEnough(entries) ? entries : lookAgain()));
  return isEnough(found) ? found : lookAgain();
}

/** The same of one topic that is named. */
export async function findTopicWith(
  catalog: TopicCatalog,
  name: string,
  partitions: readonly number[],
): Promise<TopicEntry | undefined> {
  const hasAll = (_: number, count: number): boolean => partitions.every((partition) => partition < count);
  const [entry] = await findPartitions(catalog, [{ name, topicId: "" }], false, hasAll);
  return entry;
}

export function unknownTopicCode(byId: boolean): number {
  return byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
}

/** What a request's idea of the leader epoch comes to; below zero it has none. */
export function leaderEpochError(current: number, requested: number): number {
  if (requested < 0 || requested === current) return errorCodes.NONE;
  return requested < current ? errorCodes.FENCED_LEADER_EPOCH : errorCodes.UNKNOWN_LEADER_EPOCH;
}

/** A leader that does not know a partition means that what is known of the topics has grown old. */
export function heedLeader(catalog: TopicCatalog, errorCode: number): void {
  if (isDenial(errorCode)) catalog.invalidate();
}

function isDenial(errorCode: number): boolean {
  return errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
}

/**
 * Asks leaders, and once more when one denies a partition: the topic may have been created anew through another broker, and its name
 * stand for another id now. Only for questions that may be repeated.
 */
export async function againWhenDenied<Asked, Answer extends { readonly errorCode: number }>(
  catalog: TopicCatalog,
  ask: () => Promise<{ readonly topics: Asked; readonly answers: ReadonlyMap<symbol, Answer> }>,
): Promise<{ readonly topics: Asked; readonly answers: ReadonlyMap<symbol, Answer> }> {
  const asked = await ask();
  if (![...asked.answers.values()].some(({ errorCode }) => isDenial(errorCode))) return asked;
  catalog.invalidate();
  return ask();
}
