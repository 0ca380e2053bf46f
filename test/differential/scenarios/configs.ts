/** Configs of topics, brokers and groups: how they are described, set, appended to, taken back, and refused. */
import { describeConfigs } from "../../../protocol/messages/32-describe-configs.ts";
import { alterConfigs } from "../../../protocol/messages/33-alter-configs.ts";
import { incrementalAlterConfigs } from "../../../protocol/messages/44-incremental-alter-configs.ts";
import { listConfigResources } from "../../../protocol/messages/74-list-config-resources.ts";
import { scenario, type Scenario, type Script } from "../script.ts";

const topicType = 2;
const brokerType = 4;
const loggerType = 8;
const clientMetricsType = 16;
const groupType = 32;
const [set, remove, append, subtract] = [0, 1, 2, 3];

/** What both brokers can be expected to have under one name. */
const sharedBrokerConfigs = [
  "auto.create.topics.enable",
  "connections.max.idle.ms",
  "group.consumer.heartbeat.interval.ms",
  "group.consumer.max.heartbeat.interval.ms",
  "group.consumer.max.session.timeout.ms",
  "group.consumer.max.size",
  "group.consumer.migration.policy",
  "group.consumer.min.heartbeat.interval.ms",
  "group.consumer.min.session.timeout.ms",
  "group.consumer.session.timeout.ms",
  "group.max.session.timeout.ms",
  "group.max.size",
  "group.min.session.timeout.ms",
  "offset.metadata.max.bytes",
  "offsets.retention.minutes",
  "producer.id.expiration.ms",
  "quota.window.num",
  "quota.window.size.seconds",
  "transaction.max.timeout.ms",
  "transactional.id.expiration.ms",
  "message.max.bytes",
  "group.initial.rebalance.delay.ms",
  "log.retention.ms",
];

/** The words of the documentation are each project's own. */
function withoutWords<
  T extends { readonly results: readonly { readonly configs: readonly { readonly documentation: string | null }[] }[] },
>(answer: T): unknown {
  const worded = ({ documentation, ...rest }: { readonly documentation: string | null }) => ({
    ...rest,
    isDocumented: documentation !== null && documentation !== "",
  });
  return {
    ...answer,
    results: answer.results.map((result) => ({ ...result, configs: result.configs.map(worded) })),
  };
}

type Alteration = readonly [name: string, operation: number, value: string | null];

async function alter(
  script: Script,
  label: string,
  resourceName: string,
  alterations: readonly Alteration[],
  { resourceType = topicType, validateOnly = false } = {},
): Promise<void> {
  await script.tryCall(label, incrementalAlterConfigs, {
    resources: [
      {
        resourceType,
        resourceName,
        configs: alterations.map(([name, configOperation, value]) => ({ name, configOperation, value })),
      },
    ],
    validateOnly,
  });
}

/** Asks until `name` is `value`, because Kafka's brokers hear of a change a moment later; then records all that was set. */
async function described(script: Script, label: string, topic: string, name: string, value: string | null): Promise<void> {
  const { results } = await script.until(
    undefined,
    describeConfigs,
    { resources: [{ resourceType: topicType, resourceName: topic, configurationKeys: null }], includeSynonyms: true },
    (answer) => answer.results[0]?.configs.find((config) => config.name === name)?.value === value,
    { version: 4 },
  );
  script.record(label, { configs: results[0]?.configs.filter(({ configSource }) => configSource === 1) });
}

const refused: readonly (readonly [label: string, alteration: Alteration])[] = [
  ["an unknown config", ["no.such.config", set, "1"]],
  ["an unknown config taken back", ["no.such.config", remove, null]],
  ["a word for a number", ["retention.ms", set, "soon"]],
  ["a number too small", ["retention.ms", set, "-2"]],
  ["an int out of range", ["segment.bytes", set, "9999999999"]],
  ["not a boolean", ["preallocate", set, "maybe"]],
  ["not one of the words", ["cleanup.policy", set, "keep"]],
  ["a null value", ["retention.ms", set, null]],
  ["a null value appended", ["cleanup.policy", append, null]],
  ["an empty value", ["retention.ms", set, ""]],
  ["append to what is no list", ["retention.ms", append, "1"]],
  ["subtract from what is no list", ["retention.ms", subtract, "1"]],
  ["append what is no word of it", ["cleanup.policy", append, "keep"]],
  ["an unknown operation", ["retention.ms", 9, "1"]],
  ["spaces around a number", ["retention.ms", set, " 12 "]],
  ["a lag that contradicts", ["max.compaction.lag.ms", set, "0"]],
];

export const configScenarios: readonly Scenario[] = [
  scenario(describeConfigs, "topics", async (script, version) => {
    const name = script.unique("t");
    await script.createTopic(name, { configs: { "retention.ms": "1000", "cleanup.policy": "compact" } });
    const resource = { resourceType: topicType, resourceName: name };
    const all = await script.ask(describeConfigs, {
      resources: [{ ...resource, configurationKeys: null }],
      includeSynonyms: true,
      ...(version >= 3 ? { includeDocumentation: true } : {}),
    });
    script.record("all", withoutWords(all));
    const keys = ["retention.ms", "no.such.config", "segment.bytes"];
    await script.call("some", describeConfigs, { resources: [{ ...resource, configurationKeys: keys }] });
    await script.call("no keys", describeConfigs, { resources: [{ ...resource, configurationKeys: [] }] });
    await script.call("an unknown topic", describeConfigs, {
      resources: [{ resourceType: topicType, resourceName: script.unique("none"), configurationKeys: null }],
    });
    await script.call("bad names", describeConfigs, {
      resources: ["a b", ""].map((resourceName) => ({ resourceType: topicType, resourceName, configurationKeys: null })),
    });
    await script.call("twice", describeConfigs, {
      resources: [
        { ...resource, configurationKeys: ["retention.ms"] },
        { ...resource, configurationKeys: ["segment.ms"] },
      ],
    });
    await script.call("nothing", describeConfigs, { resources: [] });
  }),
  scenario(describeConfigs, "brokers and others", async (script) => {
    const ask = (label: string, resourceType: number, resourceName: string, configurationKeys: readonly string[] | null) =>
      script.tryCall(label, describeConfigs, {
        resources: [{ resourceType, resourceName, configurationKeys }],
        includeSynonyms: true,
      });
    await ask("a broker", brokerType, "0", sharedBrokerConfigs);
    await ask("all brokers", brokerType, "", sharedBrokerConfigs);
    await ask("an unknown broker", brokerType, "7", null);
    await ask("a broker that is no number", brokerType, "x", null);
    await ask("a logger of no broker", loggerType, "", null);
    await ask("loggers of an unknown broker", loggerType, "7", null);
    await ask("unknown client metrics", clientMetricsType, "m", null);
    await ask("client metrics without a name", clientMetricsType, "", null);
    await ask("a group", groupType, script.unique("g"), null);
    await ask("a group without a name", groupType, "", null);
    await ask("an unknown type", 7, "x", null);
    await ask("type 0", 0, "x", null);
  }),
  scenario(incrementalAlterConfigs, "a topic's, step by step", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name);
    await alter(script, "set", name, [
      ["retention.ms", set, "1000"],
      ["cleanup.policy", set, "compact"],
    ]);
    await described(script, "as set", name, "retention.ms", "1000");
    await alter(script, "append", name, [["cleanup.policy", append, "delete"]]);
    await described(script, "as appended", name, "cleanup.policy", "compact,delete");
    await alter(script, "append again", name, [["cleanup.policy", append, "delete"]]);
    await described(script, "as appended again", name, "cleanup.policy", "compact,delete");
    await alter(script, "subtract", name, [["cleanup.policy", subtract, "compact"]]);
    await described(script, "as subtracted", name, "cleanup.policy", "delete");
    await alter(script, "subtract what is not there", name, [["cleanup.policy", subtract, "compact"]]);
    await alter(script, "validated only", name, [["segment.ms", set, "5"]], { validateOnly: true });
    await alter(script, "take back", name, [["retention.ms", remove, null]]);
    await described(script, "as taken back", name, "retention.ms", "604800000");
    await alter(script, "take back what is not set", name, [["segment.ms", remove, null]]);
    await alter(script, "replicas throttled", name, [["leader.replication.throttled.replicas", append, "0:0"]]);
    await described(script, "with replicas throttled", name, "leader.replication.throttled.replicas", "0:0");
    await alter(script, "one good and one bad", name, [
      ["segment.ms", set, "7000"],
      ["retention.ms", set, "never"],
    ]);
    await alter(script, "the same twice", name, [
      ["segment.ms", set, "7000"],
      ["segment.ms", set, "8000"],
    ]);
    await described(script, "after all that", name, "retention.ms", "604800000");
    await alter(script, "nothing", name, []);
  }),
  scenario(incrementalAlterConfigs, "refused", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name, { configs: { "min.compaction.lag.ms": "100" } });
    for (const [label, alteration] of refused) await alter(script, label, name, [alteration]);
    await alter(script, "an unknown topic", script.unique("none"), [["retention.ms", set, "1"]]);
    await alter(script, "a bad name", "a b", [["retention.ms", set, "1"]]);
    await alter(script, "no name", "", [["retention.ms", set, "1"]]);
    await alter(script, "an unknown type", "x", [["retention.ms", set, "1"]], { resourceType: 7 });
    await alter(script, "an unknown broker", "7", [["log.retention.ms", set, "1000"]], { resourceType: brokerType });
    await alter(script, "a broker that is no number", "x", [["log.retention.ms", set, "1000"]], { resourceType: brokerType });
    await alter(script, "a broker's unknown config", "0", [["no.such.config", set, "1"]], {
      resourceType: brokerType,
      validateOnly: true,
    });
    await alter(script, "a broker's read-only config", "0", [["num.partitions", set, "9"]], {
      resourceType: brokerType,
      validateOnly: true,
    });
    await alter(script, "a group's unknown config", "g", [["no.such.config", set, "1"]], { resourceType: groupType });
    await alter(script, "a group's bad value", "g", [["consumer.session.timeout.ms", set, "x"]], { resourceType: groupType });
    await alter(script, "a group's session too short", "g", [["consumer.session.timeout.ms", set, "1"]], {
      resourceType: groupType,
    });
    await alter(script, "a group without a name", "", [["consumer.session.timeout.ms", set, "50000"]], { resourceType: groupType });
    await alter(script, "an unknown config of client metrics", "m", [["nonsense", set, "1"]], { resourceType: clientMetricsType });
    await script.tryCall("twice", incrementalAlterConfigs, {
      resources: [1, 2].map((value) => ({
        resourceType: topicType,
        resourceName: name,
        configs: [{ name: "retention.ms", configOperation: set, value: String(value) }],
      })),
    });
    await script.tryCall("no resources", incrementalAlterConfigs, { resources: [] });
  }),
  scenario(incrementalAlterConfigs, "a group's", async (script) => {
    const name = script.unique("g");
    const options = { resourceType: groupType };
    await alter(script, "set", name, [["consumer.heartbeat.interval.ms", set, "6000"]], options);
    await script.until(
      "as set",
      describeConfigs,
      { resources: [{ resourceType: groupType, resourceName: name, configurationKeys: null }], includeSynonyms: true },
      ({ results }) => results[0]?.configs.some(({ value }) => value === "6000") === true,
      { version: 4 },
    );
    await alter(script, "taken back", name, [["consumer.heartbeat.interval.ms", remove, null]], options);
  }),
  scenario(alterConfigs, "all at once", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name, { configs: { "segment.ms": "5000" } });
    const ask = (label: string, resourceName: string, configs: Readonly<Record<string, string | null>>, validateOnly = false) =>
      script.tryCall(label, alterConfigs, {
        resources: [
          { resourceType: topicType, resourceName, configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) },
        ],
        validateOnly,
      });
    await ask("validated only", name, { "retention.ms": "9" }, true);
    await ask("set", name, { "retention.ms": "1000" });
    await described(script, "what was set before is gone", name, "retention.ms", "1000");
    await ask("an unknown config", name, { "no.such.config": "1" });
    await ask("a bad value", name, { "retention.ms": "soon" });
    await ask("a null value", name, { "retention.ms": null });
    await ask("an unknown topic", script.unique("none"), { "retention.ms": "1" });
    await ask("nothing", name, {});
    await described(script, "all is gone", name, "retention.ms", "604800000");
    // A resource twice, none, or of an unknown type: Kafka 4.3 leaves these without an answer.
  }),
  scenario(listConfigResources, "by type", async (script, version) => {
    const group = script.unique("g");
    const topic = script.unique("t");
    await script.createTopic(topic);
    await script.ask(
      incrementalAlterConfigs,
      {
        resources: [
          {
            resourceType: groupType,
            resourceName: group,
            configs: [{ name: "consumer.session.timeout.ms", configOperation: set, value: "50000" }],
          },
        ],
      },
      { version: 1 },
    );
    // Kafka's broker learns of it after its controller has answered.
    await script.until(
      undefined,
      listConfigResources,
      { resourceTypes: [groupType] },
      ({ configResources }) => configResources.some(({ resourceName }) => resourceName === group),
      { version: 1 },
    );
    const ask = async (label: string, resourceTypes: readonly number[]) => {
      const { configResources, ...rest } = await script.ask(listConfigResources, version === 0 ? {} : { resourceTypes });
      const own = new Set([group, topic, "0", ""]);
      script.record(label, { ...rest, configResources: configResources.filter(({ resourceName }) => own.has(resourceName)) });
    };
    await ask("all", []);
    if (version === 0) return;
    await ask("topics", [topicType]);
    await ask("brokers", [brokerType]);
    await ask("loggers", [loggerType]);
    await ask("groups", [groupType]);
    await ask("groups and topics", [groupType, topicType]);
    await ask("an unknown type", [7]);
    await ask("type 0", [0]);
  }),
];
