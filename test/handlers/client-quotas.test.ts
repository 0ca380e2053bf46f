/** AlterClientQuotas and DescribeClientQuotas, as Apache Kafka 4.3 answered the same requests. */
import { describe, expect, test } from "vitest";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { describeClientQuotas } from "../../protocol/messages/48-describe-client-quotas.ts";
import { alterClientQuotas } from "../../protocol/messages/49-alter-client-quotas.ts";
import { FakeBroker } from "./fake-broker.ts";

type Part = readonly [type: string, name: string | null];
type Op = readonly [key: string, value: number, remove?: boolean];
type Component = readonly [type: string, matchType: number, match: string | null];

const entryOf = (entity: readonly Part[], ops: readonly Op[]) => ({
  entity: entity.map(([entityType, entityName]) => ({ entityType, entityName })),
  ops: ops.map(([key, value, remove = false]) => ({ key, value, remove })),
});

async function alter(broker: FakeBroker, entity: readonly Part[], ops: readonly Op[], validateOnly = false) {
  const answer = (await broker.ask(alterClientQuotas, 1, { entries: [entryOf(entity, ops)], validateOnly }))!;
  return answer.entries[0]!;
}

async function describeAll(broker: FakeBroker, components: readonly Component[] = [], strict = false, version = 1) {
  const filter = components.map(([entityType, matchType, match]) => ({ entityType, matchType, match }));
  return (await broker.ask(describeClientQuotas, version, { components: filter, strict }))!;
}

async function namesOf(broker: FakeBroker, components: readonly Component[], strict: boolean) {
  const { entries } = await describeAll(broker, components, strict);
  return entries!
    .map(({ entity }) => entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`).join(" "))
    .toSorted();
}

const rate: readonly Op[] = [["producer_byte_rate", 1024]];

describe("refused in Kafka's words", () => {
  test.each<[string, readonly Part[], readonly Op[], string]>([
    ["no entity", [], rate, "Invalid empty client quota entity"],
    ["an unknown type", [["group", "a"]], rate, "Unhandled client quota entity type: group"],
    ["an empty name", [["user", ""]], rate, "Empty user not supported"],
    [
      "an address with a user",
      [
        ["user", "x"],
        ["ip", "127.0.0.1"],
      ],
      [["connection_creation_rate", 1]],
      "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
    ],
    ["a client's key for an address", [["ip", "127.0.0.1"]], rate, "Invalid configuration key producer_byte_rate"],
    [
      "an address's key for a user",
      [["user", "x"]],
      [["connection_creation_rate", 1]],
      "Invalid configuration key connection_creation_rate",
    ],
    ["an unknown key", [["user", "x"]], [["foo", 1]], "Invalid configuration key foo"],
    [
      "what is no address",
      [["ip", "not an ip"]],
      [["connection_creation_rate", 1]],
      "not an ip is not a valid IP or resolvable host.",
    ],
    ["zero", [["user", "x"]], [["producer_byte_rate", 0]], "Quota producer_byte_rate must be greater than 0"],
    ["less than zero", [["user", "x"]], [["request_percentage", -1]], "Quota request_percentage must be greater than 0"],
    ["a fraction of a byte", [["user", "x"]], [["producer_byte_rate", 1.5]], "producer_byte_rate cannot be a fractional value."],
    [
      "more than a long",
      [["user", "x"]],
      [["producer_byte_rate", 1e300]],
      "Proposed value for producer_byte_rate is too large for a LONG.",
    ],
    [
      "a key twice",
      [["user", "x"]],
      [
        ["producer_byte_rate", 10],
        ["producer_byte_rate", 20],
      ],
      "Ignoring duplicate entity ClientQuotaEntity(entries={user=x})",
    ],
    [
      "a bad key after a good one",
      [["user", "x"]],
      [
        ["producer_byte_rate", 10],
        ["foo", 20],
      ],
      "Invalid configuration key foo",
    ],
  ])("%s", async (_title, entity, ops, errorMessage) => {
    const broker = new FakeBroker();
    expect(await alter(broker, entity, ops)).toMatchObject({ errorCode: 42, errorMessage });
    expect((await describeAll(broker)).entries).toEqual([]);
  });

  test("values that are no numbers, which Kafka keeps", async () => {
    const broker = new FakeBroker();
    for (const value of [NaN, Infinity]) {
      expect(await alter(broker, [["user", "x"]], [["request_percentage", value]])).toMatchObject({ errorCode: 42 });
    }
  });

  test.each<[string, readonly Component[], number, string]>([
    ["an empty type", [["", 0, "bob"]], 42, "Invalid empty entity type."],
    ["an unknown type", [["group", 0, "bob"]], 35, "Unsupported entity type group"],
    [
      "a type twice",
      [
        ["user", 0, "bob"],
        ["user", 2, null],
      ],
      42,
      "Entity type user cannot appear more than once in the filter.",
    ],
    ["exactly nothing", [["user", 0, null]], 42, "Request specified MATCH_TYPE_EXACT, but set match string to null."],
    ["a default with a name", [["user", 1, "x"]], 42, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."],
    ["any with a name", [["user", 2, "x"]], 42, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."],
    ["an unknown match type", [["user", 7, "x"]], 42, "Unknown match type 7"],
    [
      "addresses beside users",
      [
        ["user", 2, null],
        ["ip", 2, null],
      ],
      42,
      "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.",
    ],
  ])("a filter with %s", async (_title, components, errorCode, errorMessage) => {
    expect(await describeAll(new FakeBroker(), components)).toMatchObject({ errorCode, errorMessage, entries: null });
  });
});

describe("altered", () => {
  test("values are set, changed and removed one by one, and an entity without any is gone", async () => {
    const broker = new FakeBroker();
    await alter(broker, [["user", "ann"]], [...rate, ["request_percentage", 12.5]]);
    await alter(
      broker,
      [["user", "ann"]],
      [
        ["producer_byte_rate", 0, true],
        ["consumer_byte_rate", 7],
      ],
    );
    expect((await describeAll(broker)).entries).toEqual([
      {
        entity: [{ entityType: "user", entityName: "ann" }],
        values: [
          { key: "consumer_byte_rate", value: 7 },
          { key: "request_percentage", value: 12.5 },
        ],
      },
    ]);
    await alter(
      broker,
      [["user", "ann"]],
      [
        ["consumer_byte_rate", 0, true],
        ["request_percentage", 0, true],
      ],
    );
    expect((await describeAll(broker)).entries).toEqual([]);
  });

  test("quotas outlive the controller, and what is removed stays so", async () => {
    const broker = new FakeBroker();
    const parts: readonly Part[] = [
      ["user", 'a "quoted"/name'],
      ["client-id", null],
    ];
    await alter(broker, parts, rate);
    await alter(broker, [["ip", "::1"]], [["connection_creation_rate", 3]]);
    await alter(broker, [["ip", "::1"]], [["connection_creation_rate", 3, true]]);
    broker.controller.cluster.crash();
    const again = new FakeBroker();
    again.controller.cluster.write([...broker.controller.cluster.rows].map(([key, value]) => ({ key, value })));
    again.controller.cluster.crash();
    expect((await describeAll(again)).entries).toEqual([
      {
        entity: [
          { entityType: "client-id", entityName: null },
          { entityType: "user", entityName: 'a "quoted"/name' },
        ],
        values: [{ key: "producer_byte_rate", value: 1024 }],
      },
    ]);
  });

  test("only to see whether it would work, nothing changes", async () => {
    const broker = new FakeBroker();
    expect(await alter(broker, [["user", "ann"]], rate, true)).toMatchObject({ errorCode: 0 });
    expect((await describeAll(broker)).entries).toEqual([]);
  });

  test("what cannot be removed is removed already; what is not changed writes nothing", async () => {
    const broker = new FakeBroker();
    expect(await alter(broker, [["user", "x"]], [["foo", 0, true]])).toMatchObject({ errorCode: 0, errorMessage: null });
    await alter(broker, [["user", "x"]], rate);
    const { version } = broker.catalog;
    await alter(broker, [["user", "x"]], rate);
    expect(broker.catalog.version).toBe(version);
  });

  test("each entity is judged on its own; the first of two alike holds and is answered with an error", async () => {
    const broker = new FakeBroker();
    const entries = [
      entryOf([["user", "good"]], rate),
      entryOf([["user", "bad"]], [["foo", 1]]),
      entryOf(
        [
          ["user", "y"],
          ["client-id", "z"],
        ],
        [["producer_byte_rate", 10]],
      ),
      entryOf(
        [
          ["client-id", "z"],
          ["user", "y"],
        ],
        [["producer_byte_rate", 11]],
      ),
    ];
    const answer = (await broker.ask(alterClientQuotas, 0, { entries, validateOnly: false }))!;
    expect(answer.entries.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [0, null],
      [42, "Invalid configuration key foo"],
      [42, "Ignoring duplicate entity ClientQuotaEntity(entries={client-id=z, user=y})"],
    ]);
    expect((await describeAll(broker)).entries!.map(({ values }) => values[0]!.value)).toEqual([1024, 10]);
  });

  test("the broker that was asked holds clients to it at once", async () => {
    const broker = new FakeBroker();
    await alter(broker, [["client-id", null]], rate);
    expect(broker.catalog.quotas).toEqual([{ entity: { "client-id": null }, values: { producer_byte_rate: 1024 } }]);
  });
});

test.each<[string, readonly Component[], boolean, readonly string[]]>([
  [
    "everything",
    [],
    false,
    ["client-id=app", "client-id=app user=ann", "client-id=null user=ann", "ip=null", "user=ann", "user=null"],
  ],
  ["strictly nothing", [], true, []],
  ["any user", [["user", 2, null]], false, ["client-id=app user=ann", "client-id=null user=ann", "user=ann", "user=null"]],
  ["strictly any user", [["user", 2, null]], true, ["user=ann", "user=null"]],
  ["one user", [["user", 0, "ann"]], false, ["client-id=app user=ann", "client-id=null user=ann", "user=ann"]],
  ["strictly one user", [["user", 0, "ann"]], true, ["user=ann"]],
  ["the default user", [["user", 1, null]], false, ["user=null"]],
  [
    "a user's default client id",
    [
      ["user", 0, "ann"],
      ["client-id", 1, null],
    ],
    true,
    ["client-id=null user=ann"],
  ],
  ["addresses", [["ip", 2, null]], true, ["ip=null"]],
])("the filter finds %s", async (_title, components, strict, names) => {
  const broker = new FakeBroker();
  await alter(broker, [["ip", null]], [["connection_creation_rate", 3]]);
  for (const entity of [
    [["user", "ann"]],
    [["user", null]],
    [["client-id", "app"]],
    [
      ["user", "ann"],
      ["client-id", "app"],
    ],
    [
      ["user", "ann"],
      ["client-id", null],
    ],
  ] as const) {
    await alter(broker, entity, rate);
  }
  expect(await namesOf(broker, components, strict)).toEqual(names);
});

describe("controller_mutation_rate", () => {
  const exceeded = { errorCode: 89, errorMessage: "The throttling quota has been exceeded." };

  /** One partition a second, eleven at once. */
  async function held(): Promise<FakeBroker> {
    const broker = new FakeBroker();
    await broker.createTopic("old", 12);
    await alter(broker, [["client-id", null]], [["controller_mutation_rate", 1]]);
    return broker;
  }

  async function create(broker: FakeBroker, version: number, ...names: string[]) {
    const topics = names.map((name) => ({ name, numPartitions: 8, replicationFactor: 1 }));
    return (await broker.ask(createTopics, version, { topics, timeoutMs: 1000 }))!;
  }

  test("topics beyond it are refused one by one, with how long to wait, and may be had later", async () => {
    const broker = await held();
    const first = await create(broker, 7, "a", "b", "c");
    expect(first.topics.find(({ name }) => name === "c")).toMatchObject(exceeded);
    expect(first.topics.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name)).toEqual(["a", "b"]);
    expect(first.throttleTimeMs).toBe(5000);
    expect(await broker.catalog.byName("c")).toBeUndefined();
    broker.nowMs += 5000;
    expect(await create(broker, 7, "c")).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] });
  });

  test("to see whether it would work costs nothing", async () => {
    const broker = await held();
    const topics = [{ name: "a", numPartitions: 1000, replicationFactor: 1 }];
    for (let round = 0; round < 3; round++) {
      const answer = (await broker.ask(createTopics, 7, { topics, timeoutMs: 1000, validateOnly: true }))!;
      expect(answer).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] });
    }
  });

  test("clients of old versions are let through and told to wait", async () => {
    const broker = await held();
    expect((await create(broker, 5, "a", "b", "c")).topics.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0]);
    expect((await create(broker, 5, "d")).throttleTimeMs).toBe(21_000);
  });

  test("deleted and added partitions count as well", async () => {
    const broker = await held();
    const added = (await broker.ask(createPartitions, 3, {
      topics: [{ name: "old", count: 24, assignments: null }],
      timeoutMs: 1000,
    }))!;
    expect(added).toMatchObject({ throttleTimeMs: 0, results: [{ errorCode: 0 }] });
    const more = (await broker.ask(createPartitions, 3, {
      topics: [{ name: "old", count: 25, assignments: null }],
      timeoutMs: 1000,
    }))!;
    expect(more).toMatchObject({ throttleTimeMs: 1000, results: [exceeded] });
    const gone = (await broker.ask(deleteTopics, 6, { topics: [{ name: "old" }], timeoutMs: 1000 }))!;
    expect(gone).toMatchObject({ throttleTimeMs: 1000, responses: [{ name: "old", ...exceeded }] });
    broker.nowMs += 1000;
    const later = (await broker.ask(deleteTopics, 6, { topics: [{ name: "old" }], timeoutMs: 1000 }))!;
    expect(later).toMatchObject({ throttleTimeMs: 0, responses: [{ errorCode: 0 }] });
  });
});
