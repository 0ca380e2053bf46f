/**
 * DescribeConfigs, versions 1–4. Every config that there is, with value, source, type, synonyms and what it means here. KIP-133,
 * KIP-226 (synonyms), KIP-569 (documentation). Divergences: brokers list who they are, the settings of this project and Kafka's
 * defaults of topic configs, not Kafka's some 300 others; single loggers are not listed.
 */
import { brokerConfigs } from "../../core/cluster/broker-configs.ts";
import { configResources } from "../../core/cluster/config-table.ts";
import { chosenGroupDefaults, groupConfigs } from "../../core/cluster/group-configs.ts";
import { zoneNames, zoneNodes } from "../../core/cluster/placement.ts";
import { topicConfigs } from "../../core/cluster/topic-configs.ts";
import { invalidTopicName } from "../../core/cluster/topic-names.ts";
import { settingDefaults } from "../../core/settings.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeConfigs } from "../../protocol/messages/32-describe-configs.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { configSource, configTypeNumber, describeConfigs as describe, topicDefaults } from "./config-entries.ts";
import type { ConfigDefaults, ConfigEntry } from "./config-entries.ts";
import { brokerLoggerResource, clientMetricsResource, unknownBroker } from "./config-resources.ts";
import { defineHandler } from "./define-handler.ts";
import { controllerUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof describeConfigs>;
type Configs = Readonly<Record<string, string>>;
type Described = readonly ConfigEntry[] | { readonly errorCode: number; readonly errorMessage: string | null };
/** What was set on a resource other than a topic. */
type Lookup = (type: number, name: string) => Configs;

const noDefaults: ConfigDefaults = { allBrokers: {}, deployment: {} };

export const describeConfigsHandler = defineHandler({
  api: describeConfigs,
  versions: [1, 4],
  async handle(request, context) {
    const { services } = context;
    await services.catalog.all();
    const onlyTopics = request.resources.every(({ resourceType }) => resourceType === configResources.topic);
    const configured = onlyTopics ? [] : await services.controller.configuredResources();
    const lookup: Lookup = (type, name) => configured.find((each) => each.type === type && each.name === name)?.configs ?? {};
    return {
      results: request.resources.map((resource) => {
        const { resourceType, resourceName, configurationKeys } = resource;
        const described = describeResource(resourceType, resourceName, lookup, context);
        if ("errorCode" in described) return { resourceType, resourceName, ...described };
        const keys = configurationKeys ?? [];
        const wanted = described.filter(({ name }) => keys.length === 0 || keys.includes(name));
        return { resourceType, resourceName, errorMessage: null, configs: wanted.map((entry) => rendered(entry, request)) };
      }),
    };
  },
  unreachable: ({ resources }) => ({
    results: resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...controllerUnreachable })),
  }),
});

function describeResource(type: number, name: string, lookup: Lookup, context: RequestContext): Described {
  const refuse = (errorMessage: string): Described => ({ errorCode: errorCodes.INVALID_REQUEST, errorMessage });
  switch (type) {
    case configResources.topic:
      return describeTopic(name, context);
    case configResources.broker: {
      const unknown = unknownBroker(name, context.services.settings, "Broker");
      return unknown === undefined ? describeBroker(name, lookup, context) : refuse(unknown);
    }
    case configResources.group:
      if (name === "") return refuse("Group name must not be empty");
      return describeGroup(lookup(type, name), context);
    case clientMetricsResource:
      return name === "" ? refuse("Client metrics subscription name must not be empty") : [];
    case brokerLoggerResource: {
      const unknown = name === "" ? "Broker id must not be empty" : unknownBroker(name, context.services.settings, "Broker");
      return unknown === undefined ? [] : refuse(unknown);
    }
    default:
      return refuse(`Unsupported resource type: ${type}`);
  }
}

function describeGroup(own: Configs, { services }: RequestContext): Described {
  const defaults = { allBrokers: {}, deployment: chosenGroupDefaults(services.settings) };
  return describe(groupConfigs, own, configSource.group, defaults);
}

function describeTopic(name: string, { services }: RequestContext): Described {
  const errorMessage = invalidTopicName(name);
  if (errorMessage !== undefined) return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage };
  const topic = services.catalog.lastByName(name);
  if (topic === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null };
  return describe(topicConfigs, topic.configs, configSource.topic, topicDefaults(services));
}

function describeBroker(name: string, lookup: Lookup, context: RequestContext): Described {
  const { services } = context;
  const allBrokers = lookup(configResources.broker, "");
  const chosen = Object.entries(services.settings).filter(([setting, value]) => value !== settingDefaults[setting as never]);
  const deployment = Object.fromEntries(chosen.map(([setting, value]) => [setting, String(value)]));
  if (name === "") {
    // The cluster's own are those that were altered; a broker shows the rest, and what they would be without.
    const altered = describe(brokerConfigs, allBrokers, configSource.allBrokers, noDefaults);
    return altered.filter((entry) => entry.name in allBrokers).map((entry) => ({ ...entry, synonyms: entry.synonyms.slice(0, 1) }));
  }
  return describe(brokerConfigs, lookup(configResources.broker, name), configSource.broker, {
    allBrokers,
    deployment: { ...deployment, ...itself(Number(name), context) },
  });
}

/** What a broker's configuration file would say of it. */
function itself(nodeId: number, { connection, services: { settings } }: RequestContext): Configs {
  const node = zoneNames(settings)
    .flatMap((zone) => zoneNodes(settings, zone))
    .find((each) => each.nodeId === nodeId)!;
  const listener = `PLAINTEXT://${connection.advertisedHost}:${connection.advertisedBasePort + node.index}`;
  return { "advertised.listeners": listener, "broker.id": String(nodeId), "node.id": String(nodeId) };
}

function rendered({ definition, name, value, source, synonyms }: ConfigEntry, { includeSynonyms, includeDocumentation }: Request) {
  return {
    name,
    value,
    readOnly: definition.dynamic === false,
    configSource: source,
    synonyms: includeSynonyms ? synonyms.map((synonym) => ({ ...synonym })) : [],
    configType: configTypeNumber[definition.type],
    documentation: includeDocumentation ? definition.doc : null,
  };
}
