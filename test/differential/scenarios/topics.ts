/** Topics: how they are created, shown, enlarged and deleted, and all the ways to get that wrong. */
import { metadata } from "../../../protocol/messages/03-metadata.ts";
import { createTopics } from "../../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../../protocol/messages/20-delete-topics.ts";
import { createPartitions } from "../../../protocol/messages/37-create-partitions.ts";
import { describeTopicPartitions } from "../../../protocol/messages/75-describe-topic-partitions.ts";
import { scenario, type Scenario } from "../script.ts";

const unknownId = "12345678-9abc-4def-8123-456789abcdef";
const zeroId = "00000000-0000-0000-0000-000000000000";
const timeoutMs = 10_000;

/** Names that Kafka refuses, or that look so. */
const badNames: readonly (readonly [label: string, name: string])[] = [
  ["an empty name", ""],
  ["a dot", "."],
  ["two dots", ".."],
  ["a space", "a b"],
  ["a slash", "a/b"],
  ["a colon", "a:b"],
  ["not ASCII", "thema-ä"],
  ["250 characters", "n".repeat(250)],
];

const badConfigs: readonly (readonly [label: string, name: string, value: string | null])[] = [
  ["an unknown config", "no.such.config", "1"],
  ["a word for a number", "retention.ms", "soon"],
  ["a number too small", "retention.ms", "-2"],
  ["a fraction for an integer", "segment.bytes", "1.5"],
  ["an integer too large", "segment.bytes", "9999999999"],
  ["below the least", "segment.bytes", "10"],
  ["zero where one is least", "min.insync.replicas", "0"],
  ["not a boolean", "preallocate", "maybe"],
  ["not one of the words", "cleanup.policy", "keep"],
  ["an empty list", "cleanup.policy", ""],
  ["the same word twice", "cleanup.policy", "compact,compact"],
  ["an unknown codec", "compression.type", "rar"],
  ["an unknown timestamp type", "message.timestamp.type", "Never"],
  ["beyond one", "min.cleanable.dirty.ratio", "1.5"],
  ["a null value", "retention.ms", null],
  ["an empty number", "retention.ms", ""],
  ["a config of brokers", "log.retention.ms", "1000"],
  ["max below min compaction lag", "max.compaction.lag.ms", "0"],
  ["remote storage", "remote.storage.enable", "true"],
  ["local retention beyond retention", "local.retention.ms", "99999999999"],
  ["a level too high", "compression.gzip.level", "99"],
  ["a level of zero", "compression.gzip.level", "0"],
  ["throttled replicas that are none", "leader.replication.throttled.replicas", "x"],
  ["a removed config", "message.format.version", "3.0"],
];

export const topicScenarios: readonly Scenario[] = [
  scenario(createTopics, "good ones", async (script) => {
    const [plain, defaults, assigned, configured] = ["plain", "defaults", "assigned", "configured"].map((name) =>
      script.unique(name),
    );
    await script.call("three partitions", createTopics, {
      topics: [{ name: plain!, numPartitions: 3, replicationFactor: 1 }],
      timeoutMs,
    });
    if (script.versionOf(createTopics) >= 4) {
      await script.call("defaults", createTopics, {
        topics: [{ name: defaults!, numPartitions: -1, replicationFactor: -1 }],
        timeoutMs,
      });
    }
    await script.call("assigned", createTopics, {
      topics: [
        {
          name: assigned!,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: [
            { partitionIndex: 0, brokerIds: [0] },
            { partitionIndex: 1, brokerIds: [0] },
          ],
        },
      ],
      timeoutMs,
    });
    await script.call("with configs", createTopics, {
      topics: [
        {
          name: configured!,
          numPartitions: 1,
          replicationFactor: 1,
          configs: [
            { name: "cleanup.policy", value: "compact,delete" },
            { name: "retention.ms", value: "1000" },
            { name: "compression.type", value: "lz4" },
          ],
        },
      ],
      timeoutMs,
    });
    for (const [name, partitions] of [
      [plain!, 3],
      [assigned!, 2],
      [configured!, 1],
    ] as const) {
      await script.untilLed(name, partitions);
    }
    await script.call("as shown", metadata, { topics: [{ name: plain! }, { name: assigned! }, { name: configured! }] });
  }),
  scenario(createTopics, "only validated", async (script) => {
    const [name, taken] = [script.unique("t"), script.unique("taken")];
    await script.createTopic(taken);
    await script.call("good", createTopics, {
      topics: [{ name, numPartitions: 2, replicationFactor: 1, configs: [{ name: "retention.ms", value: "7" }] }],
      timeoutMs,
      validateOnly: true,
    });
    await script.call("bad", createTopics, {
      topics: [
        { name: taken, numPartitions: 2, replicationFactor: 1 },
        { name: "a b", numPartitions: 2, replicationFactor: 1 },
        { name: script.unique("zero"), numPartitions: 0, replicationFactor: 1 },
      ],
      timeoutMs,
      validateOnly: true,
    });
    await script.call("it is not there", metadata, { topics: [{ name }], allowAutoTopicCreation: false }, { version: 8 });
  }),
  scenario(createTopics, "bad names", async (script) => {
    for (const [label, name] of badNames) {
      await script.call(label, createTopics, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }], timeoutMs });
    }
    const dotted = `${script.unique("x")}.y`;
    await script.createTopic(dotted);
    await script.call("a name that collides with another", createTopics, {
      topics: [{ name: dotted.replace(".", "_"), numPartitions: 1, replicationFactor: 1 }],
      timeoutMs,
    });
  }),
  scenario(createTopics, "existing or named twice", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name);
    const topic = { name, numPartitions: 1, replicationFactor: 1 };
    await script.call("existing", createTopics, { topics: [topic], timeoutMs });
    const twice = { ...topic, name: script.unique("twice") };
    await script.call("named twice", createTopics, { topics: [twice, twice], timeoutMs });
    await script.call("nothing", createTopics, { topics: [], timeoutMs });
  }),
  scenario(createTopics, "bad numbers", async (script) => {
    for (const [label, numPartitions, replicationFactor] of [
      ["no partitions", 0, 1],
      ["fewer than none", -2, 1],
      ["no replicas", 1, 0],
      ["fewer than no replicas", 1, -2],
      ["more replicas than brokers", 1, 2],
      ["many partitions", 100_000, 1],
    ] as const) {
      await script.call(label, createTopics, {
        topics: [{ name: script.unique("t"), numPartitions, replicationFactor }],
        timeoutMs,
        validateOnly: true,
      });
    }
  }),
  scenario(createTopics, "bad assignments", async (script) => {
    const one = { partitionIndex: 0, brokerIds: [0] };
    for (const [label, assignments, numPartitions, replicationFactor] of [
      ["with a number of partitions", [one], 1, -1],
      ["with a number of replicas", [one], -1, 1],
      ["with both", [one], 1, 1],
      ["not from zero", [{ partitionIndex: 1, brokerIds: [0] }], -1, -1],
      ["with a gap", [one, { partitionIndex: 2, brokerIds: [0] }], -1, -1],
      ["a negative partition", [{ partitionIndex: -1, brokerIds: [0] }], -1, -1],
      ["a partition twice", [one, one], -1, -1],
      ["a broker twice", [{ partitionIndex: 0, brokerIds: [0, 0] }], -1, -1],
      ["an unknown broker", [{ partitionIndex: 0, brokerIds: [7] }], -1, -1],
      ["no broker", [{ partitionIndex: 0, brokerIds: [] }], -1, -1],
      ["different lengths", [one, { partitionIndex: 1, brokerIds: [0, 7] }], -1, -1],
    ] as const) {
      await script.call(label, createTopics, {
        topics: [{ name: script.unique("t"), numPartitions, replicationFactor, assignments }],
        timeoutMs,
        validateOnly: true,
      });
    }
  }),
  scenario(createTopics, "bad configs", async (script) => {
    for (const [label, name, value] of badConfigs) {
      await script.call(label, createTopics, {
        topics: [{ name: script.unique("t"), numPartitions: 1, replicationFactor: 1, configs: [{ name, value }] }],
        timeoutMs,
        validateOnly: true,
      });
    }
    await script.call("a config twice", createTopics, {
      topics: [
        {
          name: script.unique("t"),
          numPartitions: 1,
          replicationFactor: 1,
          configs: [
            { name: "retention.ms", value: "1" },
            { name: "retention.ms", value: "2" },
          ],
        },
      ],
      timeoutMs,
      validateOnly: true,
    });
  }),
  scenario(deleteTopics, "by name and by id", async (script, version) => {
    const [first, second] = [script.unique("first"), script.unique("second")];
    await script.createTopic(first);
    const secondId = await script.createTopic(second);
    if (version < 6) {
      await script.call("by name, one unknown", deleteTopics, { topicNames: [first, script.unique("none")], timeoutMs });
      await script.call("named twice", deleteTopics, { topicNames: [second, second], timeoutMs });
      await script.call("a bad name", deleteTopics, { topicNames: ["a b", ""], timeoutMs });
    } else {
      await script.call("by name, one unknown", deleteTopics, {
        topics: [{ name: first }, { name: script.unique("none") }],
        timeoutMs,
      });
      await script.call("by unknown id", deleteTopics, { topics: [{ topicId: unknownId }], timeoutMs });
      await script.tryCall("by name and id", deleteTopics, { topics: [{ name: second, topicId: secondId }], timeoutMs });
      await script.tryCall("by neither", deleteTopics, { topics: [{ name: null, topicId: zeroId }], timeoutMs });
      await script.tryCall("the same by name and by id", deleteTopics, {
        topics: [{ name: second }, { topicId: secondId }],
        timeoutMs,
      });
      await script.tryCall("named twice", deleteTopics, { topics: [{ name: second }, { name: second }], timeoutMs });
      await script.call("by id", deleteTopics, { topics: [{ topicId: secondId }], timeoutMs });
      await script.call("by id, again", deleteTopics, { topics: [{ topicId: secondId }], timeoutMs });
      await script.tryCall("a bad name", deleteTopics, { topics: [{ name: "a b" }, { name: "" }], timeoutMs });
    }
    await script.call("nothing", deleteTopics, { topics: [], topicNames: [], timeoutMs });
    await script.until(
      "gone",
      metadata,
      { topics: [{ name: first }], allowAutoTopicCreation: false },
      ({ topics }) => topics[0]?.errorCode === 3,
    );
  }),
  scenario(createPartitions, "good and bad", async (script) => {
    const [name, other] = [script.unique("t"), script.unique("other")];
    await script.createTopic(name, { partitions: 2 });
    await script.createTopic(other, { partitions: 1 });
    const ask = (
      label: string,
      topics: Parameters<typeof script.call<typeof createPartitions>>[2]["topics"],
      validateOnly = false,
    ) => script.call(label, createPartitions, { topics: topics!, timeoutMs, validateOnly });
    await ask("validated", [{ name, count: 3, assignments: null }], true);
    await ask("more", [{ name, count: 3, assignments: null }]);
    await ask("as many", [{ name, count: 3, assignments: null }]);
    await ask("fewer", [{ name, count: 1, assignments: null }]);
    await ask("none", [{ name, count: 0, assignments: null }]);
    await ask("below none", [{ name, count: -1, assignments: null }]);
    await ask("unknown topic", [{ name: script.unique("none"), count: 3, assignments: null }]);
    await ask("a bad name", [{ name: "a b", count: 3, assignments: null }]);
    await ask("assigned", [{ name: other, count: 2, assignments: [{ brokerIds: [0] }] }]);
    await ask("too few assignments", [{ name: other, count: 4, assignments: [{ brokerIds: [0] }] }]);
    await ask("too many assignments", [{ name: other, count: 3, assignments: [{ brokerIds: [0] }, { brokerIds: [0] }] }]);
    await ask("an unknown broker", [{ name: other, count: 3, assignments: [{ brokerIds: [7] }] }]);
    await ask("no broker", [{ name: other, count: 3, assignments: [{ brokerIds: [] }] }]);
    await ask("a broker twice", [{ name: other, count: 3, assignments: [{ brokerIds: [0, 0] }] }]);
    await ask("named twice", [
      { name, count: 4, assignments: null },
      { name, count: 5, assignments: null },
    ]);
    await ask("many", [{ name, count: 100_000, assignments: null }], true);
    await ask("nothing", []);
    await script.untilLed(name, 3);
    await script.call("as shown", metadata, { topics: [{ name }, { name: other }] });
  }),
  scenario(metadata, "named topics", async (script, version) => {
    const name = script.unique("t");
    const id = await script.createTopic(name, { partitions: 2 });
    await script.call("known and unknown", metadata, {
      topics: [{ name }, { name: script.unique("none") }],
      allowAutoTopicCreation: version < 4,
    });
    await script.call("named twice", metadata, { topics: [{ name }, { name }] });
    for (const [label, bad] of badNames) await script.call(label, metadata, { topics: [{ name: bad }] });
    if (version >= 8) {
      await script.call("with operations", metadata, {
        topics: [{ name }],
        includeTopicAuthorizedOperations: true,
        ...(version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
      });
    }
    if (version >= 1) await script.call("no topics", metadata, { topics: [] });
    if (version < 10) return;
    await script.tryCall("by id", metadata, { topics: [{ name: null, topicId: id }] });
    await script.tryCall("by unknown id", metadata, { topics: [{ name: null, topicId: unknownId }] });
    await script.tryCall("by zero id and no name", metadata, { topics: [{ name: null, topicId: zeroId }] });
    await script.tryCall("by name and id", metadata, { topics: [{ name, topicId: id }] });
  }),
  scenario(metadata, "created in passing", async (script, version) => {
    const [wanted, unwanted] = [script.unique("wanted"), script.unique("unwanted")];
    await script.until(
      "once it is there",
      metadata,
      { topics: [{ name: wanted }], allowAutoTopicCreation: true },
      ({ topics }) => topics[0]?.errorCode === 0,
    );
    if (version < 4) return;
    await script.call("not allowed", metadata, { topics: [{ name: unwanted }], allowAutoTopicCreation: false });
  }),
  scenario(metadata, "all topics", async (script, version) => {
    const name = script.unique("t");
    await script.createTopic(name);
    const { topics, ...rest } = await script.ask(metadata, { topics: version === 0 ? [] : null });
    script.record("all", { ...rest, topics: topics.filter((topic) => topic.name === name) });
  }),
  scenario(describeTopicPartitions, "limits and cursors", async (script) => {
    const [first, second] = [script.unique("a"), script.unique("b")];
    await script.createTopic(first, { partitions: 3 });
    await script.createTopic(second, { partitions: 2 });
    const topics = [{ name: first }, { name: second }];
    await script.call("all", describeTopicPartitions, { topics });
    await script.call("in other order", describeTopicPartitions, { topics: topics.toReversed() });
    await script.call("named twice", describeTopicPartitions, { topics: [...topics, ...topics] });
    await script.call("two", describeTopicPartitions, { topics, responsePartitionLimit: 2 });
    await script.call("three", describeTopicPartitions, { topics, responsePartitionLimit: 3 });
    await script.call("none", describeTopicPartitions, { topics, responsePartitionLimit: 0 });
    await script.call("fewer than none", describeTopicPartitions, { topics, responsePartitionLimit: -1 });
    for (const [label, topicName, partitionIndex] of [
      ["from the first's second", first, 1],
      ["from the second", second, 0],
      ["beyond the first's end", first, 3],
      ["far beyond the first's end", first, 9],
      ["from a topic that is not asked for", script.unique("aa"), 0],
      ["beyond the last topic", script.unique("z"), 0],
      ["from a negative partition", first, -1],
    ] as const) {
      await script.tryCall(label, describeTopicPartitions, {
        topics,
        cursor: { topicName, partitionIndex },
        responsePartitionLimit: 2,
      });
    }
    await script.call("unknown and bad names", describeTopicPartitions, {
      topics: [{ name: script.unique("none") }, { name: "a b" }, { name: "" }, { name: first }],
    });
  }),
];
