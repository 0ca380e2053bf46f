/**
 * A resource's configs as Kafka shows them: every config there is, with its value, where the value comes from, and what it would be
 * without (synonyms). Shared by CreateTopics, which returns them, and DescribeConfigs.
 */
import type { ConfigDefinition, ConfigType } from "../../core/cluster/config-values.ts";
import { settingDefaults } from "../../core/settings.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";

/** Kafka's numbers of where a value comes from. */
export const configSource = { topic: 1, broker: 2, allBrokers: 3, deployment: 4, builtIn: 5, group: 8 } as const;

/** Kafka's numbers of types. */
export const configTypeNumber: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
};

export interface ConfigDefaults {
  /** Altered for the broker that is asked. */
  readonly thisBroker?: Readonly<Record<string, string>>;
  /** Altered for all brokers while they run. */
  readonly allBrokers: Readonly<Record<string, string>>;
  /** Chosen by the deployment, and not what is built in. */
  readonly deployment: Readonly<Record<string, string>>;
}

export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: number;
}

export interface ConfigEntry extends ConfigSynonym {
  readonly definition: ConfigDefinition;
  readonly synonyms: readonly ConfigSynonym[];
}

export function topicDefaults({ catalog, settings }: Pick<BrokerServices, "catalog" | "settings">): ConfigDefaults {
  const maxBytes = settings["message.max.bytes"];
  const isChosen = maxBytes !== settingDefaults["message.max.bytes"];
  return {
    thisBroker: catalog.ownDefaults,
    allBrokers: catalog.topicDefaults,
    deployment: isChosen ? { "max.message.bytes": String(maxBytes) } : {},
  };
}

/** `own`: what was set on the resource itself, which counts as coming from `ownSource`. */
export function describeConfigs(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  own: Readonly<Record<string, string>>,
  ownSource: number,
  defaults: ConfigDefaults,
): readonly ConfigEntry[] {
  return [...definitions.values()].map((definition) => {
    const { name } = definition;
    const brokerName = definition.synonyms[0] ?? name;
    const synonyms: ConfigSynonym[] = [];
    const add = (synonym: string, value: string | null | undefined, source: number) => {
      if (value !== undefined) synonyms.push({ name: synonym, value, source });
    };
    add(name, own[name], ownSource);
    add(brokerName, defaults.thisBroker?.[name], configSource.broker);
    add(brokerName, defaults.allBrokers[name], configSource.allBrokers);
    add(brokerName, defaults.deployment[name], configSource.deployment);
    if (definition.isUnnamedDefault !== true) add(brokerName, definition.default, configSource.builtIn);
    const { value, source } = synonyms[0] ?? { value: definition.default ?? null, source: configSource.builtIn };
    return { definition, name, value, source, synonyms };
  });
}
