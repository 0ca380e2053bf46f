/**
 * Which names a topic may have, in Kafka's rules and Kafka's words. '.' and '_' are one character to Kafka's metrics, so two names
 * that differ in these alone cannot stand side by side.
 */
const nameLengthMax = 249;
const legalName = /^[a-zA-Z0-9._-]+$/;
const internalNames: ReadonlySet<string> = new Set(["__consumer_offsets", "__transaction_state", "__share_group_state"]);

/** What is wrong with the name, as Kafka says it; undefined when nothing is. */
export function invalidTopicName(name: string): string | undefined {
  const reason = reasonInvalid(name);
  return reason === undefined ? undefined : `Topic name is invalid: ${reason}`;
}

function reasonInvalid(name: string): string | undefined {
  if (name === "") return "the empty string is not allowed";
  if (name === "." || name === "..") return `'${name}' is not allowed`;
  if (name.length > nameLengthMax) return `the length of '${name}' is longer than the max allowed length ${nameLengthMax}`;
  if (!legalName.test(name)) return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  return undefined;
}

/** Equal for names that would collide. */
export function collisionKey(name: string): string {
  return name.replaceAll(".", "_");
}

export function isInternalTopic(name: string): boolean {
  return internalNames.has(name);
}
