/**
 * Compares two transcripts, field by field. Arrays that are sets on the wire (topics, configs, members: neither broker promises
 * an order) are compared by what identifies their elements; all other arrays in their order.
 */

/** What identifies an element, by the array's name: the first of these fields that it has. */
const keysOfSets: Readonly<Record<string, readonly string[]>> = {
  apiKeys: ["apiKey"],
  supportedFeatures: ["name"],
  finalizedFeatures: ["name"],
  brokers: ["nodeId", "brokerId"],
  topics: ["name", "topic", "topicName", "topicId"],
  responses: ["name", "topic", "resourceName", "topicId"],
  results: ["name", "resourceName", "groupId", "feature", "logDir"],
  partitions: ["partitionIndex", "partition"],
  partitionResponses: ["index"],
  partitionResult: ["partitionId"],
  replicaElectionResults: ["topic"],
  configs: ["name"],
  owned: ["topicId"],
  groups: ["groupId"],
  coordinators: ["key"],
  members: ["memberId"],
  configResources: ["resourceName"],
  activeProducers: ["producerId"],
  topicPartitions: ["topicId"],
  resultsByTransaction: ["transactionalId"],
  resultsByTopicV3AndBelow: ["name"],
  topicResults: ["name"],
  resultsByPartition: ["partitionIndex"],
  transactionStates: ["transactionalId"],
};

/** Messages for people: compared where both brokers give one. */
const messages: ReadonlySet<string> = new Set(["errorMessage", "batchIndexErrorMessage"]);

/** Sets of plain values: their order is nobody's promise. */
const plainSets: ReadonlySet<string> = new Set(["replicaNodes", "isrNodes", "subscribedTopicNames"]);

export const absent = "(not there)";

export interface Difference {
  /** As `topics[foo].partitions[0].errorCode`. */
  readonly path: string;
  readonly kafka: unknown;
  readonly kante: unknown;
}

export function differencesOf(kafka: unknown, kante: unknown, path = "", name = ""): Difference[] {
  if (Array.isArray(kafka) && Array.isArray(kante)) return inArrays(kafka, kante, path, name);
  if (isObject(kafka) && isObject(kante)) {
    const fields = new Set([...Object.keys(kafka), ...Object.keys(kante)]);
    return [...fields].flatMap((field) =>
      differencesOf(
        field in kafka ? kafka[field] : absent,
        field in kante ? kante[field] : absent,
        path === "" ? field : `${path}.${field}`,
        field,
      ),
    );
  }
  if (messages.has(name) && (isSilent(kafka) || isSilent(kante))) return [];
  return Object.is(kafka, kante) || JSON.stringify(kafka) === JSON.stringify(kante) ? [] : [{ path, kafka, kante }];
}

function inArrays(kafka: readonly unknown[], kante: readonly unknown[], path: string, name: string): Difference[] {
  if ((kafka.length === 0) !== (kante.length === 0)) return [{ path, kafka: summaryOf(kafka), kante: summaryOf(kante) }];
  const ours = elementsOf(kante, name);
  const theirs = elementsOf(kafka, name);
  return [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((key) =>
    differencesOf(theirs.has(key) ? theirs.get(key) : absent, ours.has(key) ? ours.get(key) : absent, `${path}[${key}]`),
  );
}

/** Resources have a type beside their name. */
function keyOf(item: Record<string, unknown>, field: string): string {
  return "resourceType" in item ? `${String(item["resourceType"])} ${String(item[field])}` : String(item[field]);
}

/** All against none is one difference, not as many as there are elements. */
function summaryOf(array: readonly unknown[]): unknown {
  return array.length > 3 ? `${array.length} elements` : array;
}

function elementsOf(array: readonly unknown[], name: string): Map<string, unknown> {
  const items = plainSets.has(name) ? array.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)) : array;
  const elements = new Map<string, unknown>();
  items.forEach((item, index) => {
    const field = isObject(item) ? keysOfSets[name]?.find((key) => key in item) : undefined;
    let key = field === undefined ? String(index) : keyOf(item as Record<string, unknown>, field);
    // The same key twice is a difference worth seeing, if the other side has it once.
    while (elements.has(key)) key += "′";
    elements.set(key, item);
  });
  return elements;
}

function isSilent(message: unknown): boolean {
  return message === null || message === "" || message === "NONE";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
