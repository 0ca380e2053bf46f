/**
 * Whether a text may be the value of a config, and what Kafka says when it may not. Values stay texts everywhere, as on the wire;
 * only the few that the broker acts on are ever parsed.
 */
export type ConfigType = "boolean" | "string" | "int" | "long" | "double" | "list";

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  readonly default: string | null;
  readonly min?: number;
  readonly max?: number;
  /** Allowed although outside [min, max]. */
  readonly or?: number;
  readonly oneOf?: readonly string[];
  /** partition:broker pairs, or "*". */
  readonly throttledReplicas?: true;
  /** Of a broker's config: may be altered while it runs. */
  readonly dynamic?: boolean;
  /** Of a broker's config: the topic config whose default it is. */
  readonly topicConfig?: string;
  /** The default is no value of any broker config (or of another than the one named): it is not among the synonyms. */
  readonly isUnnamedDefault?: true;
  /** Names of the same config at the broker, the strongest first. */
  readonly synonyms: readonly string[];
  readonly doc: string;
}

const integerRange: Readonly<Record<"int" | "long", readonly [bigint, bigint]>> = {
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
};
const throttledReplica = /^[0-9]+:[0-9]+$/;

/** Kafka's sentence about a bad value; undefined for a good one. */
export function invalidConfigValue(definition: ConfigDefinition, value: string): string | undefined {
  const text = value.trim();
  switch (definition.type) {
    case "boolean":
      return /^(?:true|false)$/i.test(text) ? undefined : complaint(definition, value, "Expected value to be either true or false");
    case "int":
    case "long":
      return invalidInteger(definition, definition.type, value);
    case "double":
      if (text === "" || !Number.isFinite(Number(text))) return complaint(definition, value, "Not a number of type DOUBLE");
      return outOfRange(definition, value, Number(text));
    case "string":
      return notOneOf(definition, text);
    case "list":
      return invalidList(definition, value);
  }
}

function invalidInteger(definition: ConfigDefinition, type: "int" | "long", value: string): string | undefined {
  const text = value.trim();
  const [low, high] = integerRange[type];
  const number = /^[+-]?[0-9]{1,20}$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
  if (number === undefined || number < low || number > high) {
    return complaint(definition, value, `Not a number of type ${type.toUpperCase()}`);
  }
  return outOfRange(definition, text, Number(number));
}

function outOfRange({ name, min, max, or }: ConfigDefinition, value: string, number: number): string | undefined {
  if (or !== undefined) {
    const inside = number === or || (number >= (min ?? -Infinity) && number <= (max ?? Infinity));
    return inside ? undefined : complaint({ name }, value, `Value must be between ${min} and ${max} or equal to ${or}`);
  }
  if (min !== undefined && number < min) return complaint({ name }, value, `Value must be at least ${min}`);
  if (max !== undefined && number > max) return complaint({ name }, value, `Value must be no more than ${max}`);
  return undefined;
}

function notOneOf(definition: ConfigDefinition, text: string): string | undefined {
  const { oneOf } = definition;
  if (oneOf === undefined || oneOf.includes(text)) return undefined;
  return complaint(definition, text, `String must be one of: ${oneOf.join(", ")}`);
}

function invalidList(definition: ConfigDefinition, value: string): string | undefined {
  const items = listItems(value);
  if (definition.throttledReplicas !== undefined) {
    if (items.length === 0 || (items.length === 1 && items[0] === "*") || items.every((item) => throttledReplica.test(item)))
      return undefined;
    return `Invalid value [${items.join(", ")}] for configuration ${definition.name}: ${definition.name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`;
  }
  if (new Set(items).size < items.length) return `Configuration '${definition.name}' values must not be duplicated.`;
  for (const item of items) {
    const reason = notOneOf(definition, item);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

export function listItems(value: string): string[] {
  return value.trim() === "" ? [] : value.split(",").map((item) => item.trim());
}

function complaint({ name }: Pick<ConfigDefinition, "name">, value: string, reason: string): string {
  return `Invalid value ${value} for configuration ${name}: ${reason}`;
}
