/** What is asked about the cluster as a whole: its brokers, quorum, features, folders, elections and moves. */
import { findCoordinator } from "../../../protocol/messages/10-find-coordinator.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { describeAcls } from "../../../protocol/messages/29-describe-acls.ts";
import { createAcls } from "../../../protocol/messages/30-create-acls.ts";
import { deleteAcls } from "../../../protocol/messages/31-delete-acls.ts";
import { alterReplicaLogDirs } from "../../../protocol/messages/34-alter-replica-log-dirs.ts";
import { describeLogDirs } from "../../../protocol/messages/35-describe-log-dirs.ts";
import { electLeaders } from "../../../protocol/messages/43-elect-leaders.ts";
import { alterPartitionReassignments } from "../../../protocol/messages/45-alter-partition-reassignments.ts";
import { listPartitionReassignments } from "../../../protocol/messages/46-list-partition-reassignments.ts";
import { describeUserScramCredentials } from "../../../protocol/messages/50-describe-user-scram-credentials.ts";
import { describeQuorum } from "../../../protocol/messages/55-describe-quorum.ts";
import { updateFeatures } from "../../../protocol/messages/57-update-features.ts";
import { describeCluster } from "../../../protocol/messages/60-describe-cluster.ts";
import { scenario, type Scenario } from "../script.ts";

const timeoutMs = 10_000;

/** Every offset becomes whether there is one. */
function withoutOffsets(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => {
      if (["highWatermark", "logEndOffset", "leaderEpoch"].includes(key)) return Number(inner) > 0;
      return typeof inner === "bigint" ? Number(inner) : inner;
    }),
  ) as unknown;
}

export const clusterScenarios: readonly Scenario[] = [
  scenario(describeCluster, "all of it", async (script, version) => {
    await script.call("plain", describeCluster, {});
    await script.call("with operations", describeCluster, { includeClusterAuthorizedOperations: true });
    if (version < 1) return;
    await script.call("controllers", describeCluster, { endpointType: 2 });
    await script.call("an unknown type", describeCluster, { endpointType: 7 });
    if (version >= 2) await script.call("with fenced ones", describeCluster, { includeFencedBrokers: true });
  }),
  scenario(findCoordinator, "of groups and transactions", async (script, version) => {
    const keys: readonly (readonly [label: string, keyType: number, keys: readonly string[]])[] = [
      ["a group", 0, ["g"]],
      ["a transactional id", 1, ["t"]],
      ["several groups", 0, ["g", "h", "g"]],
      ["no key", 0, []],
      ["an empty group id", 0, [""]],
      ["an unknown type", 9, ["g"]],
      ["a negative type", -1, ["g"]],
    ];
    for (const [label, keyType, coordinatorKeys] of keys) {
      if (version >= 4) await script.tryCall(label, findCoordinator, { keyType, coordinatorKeys });
      else if (coordinatorKeys.length === 1 && (version >= 1 || keyType === 0))
        await script.tryCall(label, findCoordinator, { key: coordinatorKeys[0]!, ...(version >= 1 ? { keyType } : {}) });
    }
    if (version >= 6)
      await script.tryCall("a share partition that is none", findCoordinator, { keyType: 2, coordinatorKeys: ["x"] });
  }),
  scenario(initProducerId, "without transactions", async (script, version) => {
    await script.call("a new one", initProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 });
    await script.call("another", initProducerId, { transactionalId: null, transactionTimeoutMs: 0 });
    await script.call("an empty transactional id", initProducerId, { transactionalId: "", transactionTimeoutMs: 60_000 });
    await script.call("a transactional id with a negative time-out", initProducerId, {
      transactionalId: script.unique("x"),
      transactionTimeoutMs: -1,
    });
    await script.call("a transactional id with too long a time-out", initProducerId, {
      transactionalId: script.unique("x"),
      transactionTimeoutMs: 2_000_000_000,
    });
    if (version < 3) return;
    const bump = (label: string, producerId: bigint, producerEpoch: number) =>
      script.call(label, initProducerId, { transactionalId: null, transactionTimeoutMs: 60_000, producerId, producerEpoch });
    await bump("an id of old", 5n, 3);
    await bump("an id without its epoch", 5n, -1);
    await bump("an epoch without its id", -1n, 3);
  }),
  scenario(alterReplicaLogDirs, "directories that are not there", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name, { partitions: 1 });
    const topics = [name, script.unique("none")].map((topic) => ({ name: topic, partitions: [0, 9] }));
    const { results } = await script.ask(alterReplicaLogDirs, { dirs: [{ path: "/nowhere", topics }] });
    // Kafka's order is that of a hash map.
    script.record("one of them", { results: results.toSorted((a, b) => (a.topicName < b.topicName ? -1 : 1)) });
    await script.call("nothing", alterReplicaLogDirs, { dirs: [] });
  }),
  scenario(describeLogDirs, "sizes", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name, { partitions: 2 });
    await script.call("of a topic", describeLogDirs, { topics: [{ topic: name, partitions: [0, 1] }] });
    await script.call("of one partition and one that is none", describeLogDirs, { topics: [{ topic: name, partitions: [1, 9] }] });
    await script.call("of an unknown topic", describeLogDirs, { topics: [{ topic: script.unique("none"), partitions: [0] }] });
    await script.call("of no topic", describeLogDirs, { topics: [] });
    const { results, ...rest } = await script.ask(describeLogDirs, { topics: null });
    const own = results.map((result) => ({ ...result, topics: result.topics.filter((topic) => topic.name === name) }));
    script.record("of all topics", { ...rest, results: own });
  }),
  scenario(electLeaders, "preferred and unclean", async (script, version) => {
    const name = script.unique("t");
    await script.createTopic(name, { partitions: 2 });
    const types = version >= 1 ? [0, 1] : [undefined];
    for (const electionType of types) {
      const type = electionType === undefined ? {} : { electionType };
      const ask = (label: string, topicPartitions: readonly { topic: string; partitions: readonly number[] }[]) =>
        script.tryCall(`${label}, type ${electionType ?? "of old"}`, electLeaders, { ...type, topicPartitions, timeoutMs });
      await ask("led ones", [{ topic: name, partitions: [0, 1] }]);
      await ask("a partition that is none", [{ topic: name, partitions: [9] }]);
      await ask("an unknown topic", [{ topic: script.unique("none"), partitions: [0] }]);
      await ask("no topic", []);
    }
    const all = await script.ask(electLeaders, { ...(version >= 1 ? { electionType: 0 } : {}), topicPartitions: null, timeoutMs });
    const own = all.replicaElectionResults.filter(({ topic }) => topic === name);
    script.record("all", { ...all, replicaElectionResults: own });
    if (version >= 1)
      await script.tryCall("an unknown type", electLeaders, {
        electionType: 7,
        topicPartitions: [{ topic: name, partitions: [0] }],
        timeoutMs,
      });
  }),
  scenario(alterPartitionReassignments, "moves", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name, { partitions: 2 });
    const ask = (label: string, topic: string, partitionIndex: number, replicas: readonly number[] | null) =>
      script.call(label, alterPartitionReassignments, {
        timeoutMs,
        topics: [{ name: topic, partitions: [{ partitionIndex, replicas }] }],
      });
    await ask("to where it is", name, 0, [0]);
    await ask("to an unknown broker", name, 0, [7]);
    await ask("to two brokers", name, 0, [0, 7]);
    await ask("to nowhere", name, 0, []);
    await ask("to a broker twice", name, 0, [0, 0]);
    await ask("to a negative broker", name, 0, [-1]);
    await ask("called off", name, 0, null);
    await ask("a partition that is none", name, 9, [0]);
    await ask("a partition that is none, called off", name, 9, null);
    await ask("an unknown topic", script.unique("none"), 0, [0]);
    await ask("an unknown topic, called off", script.unique("none"), 0, null);
    await script.call("nothing", alterPartitionReassignments, { timeoutMs, topics: [] });
    await script.call("a topic twice", alterPartitionReassignments, {
      timeoutMs,
      topics: [
        { name, partitions: [{ partitionIndex: 0, replicas: [0] }] },
        { name, partitions: [{ partitionIndex: 0, replicas: [0] }] },
      ],
    });
  }),
  scenario(listPartitionReassignments, "none under way", async (script) => {
    const name = script.unique("t");
    await script.createTopic(name);
    await script.call("all", listPartitionReassignments, { timeoutMs, topics: null });
    await script.call("of a topic", listPartitionReassignments, { timeoutMs, topics: [{ name, partitionIndexes: [0, 9] }] });
    await script.call("of an unknown topic", listPartitionReassignments, {
      timeoutMs,
      topics: [{ name: script.unique("none"), partitionIndexes: [0] }],
    });
    await script.call("of no topic", listPartitionReassignments, { timeoutMs, topics: [] });
  }),
  scenario(describeAcls, "without an authorizer", async (script) => {
    const any = { resourceNameFilter: null, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 };
    await script.call("all", describeAcls, { ...any, resourceTypeFilter: 1, patternTypeFilter: 1 });
    await script.call("a topic's", describeAcls, { ...any, resourceTypeFilter: 2, resourceNameFilter: "t", patternTypeFilter: 3 });
  }),
  scenario(createAcls, "without an authorizer", async (script) => {
    const acl = { resourceName: "t", resourcePatternType: 3, principal: "User:x", host: "*", operation: 3, permissionType: 3 };
    await script.call("two", createAcls, {
      creations: [
        { ...acl, resourceType: 2 },
        { ...acl, resourceType: 3 },
      ],
    });
    await script.call("none", createAcls, { creations: [] });
  }),
  scenario(deleteAcls, "without an authorizer", async (script) => {
    const filter = { resourceNameFilter: "t", patternTypeFilter: 3, principalFilter: null, hostFilter: null };
    await script.call("two", deleteAcls, {
      filters: [
        { ...filter, resourceTypeFilter: 2, operation: 1, permissionType: 1 },
        { ...filter, resourceTypeFilter: 1, operation: 3, permissionType: 3 },
      ],
    });
    await script.call("none", deleteAcls, { filters: [] });
  }),
  scenario(describeUserScramCredentials, "of nobody", async (script) => {
    const ask = (label: string, names: readonly string[] | null) =>
      script.call(label, describeUserScramCredentials, { users: names?.map((name) => ({ name })) ?? null });
    await ask("of all", null);
    await ask("of none", []);
    await ask("of one", ["x"]);
    await ask("of one without a name", [""]);
    await ask("of one twice", ["x", "x"]);
  }),
  scenario(describeQuorum, "the quorum", async (script) => {
    const of = (topicName: string, partitionIndex: number) => ({ topics: [{ topicName, partitions: [{ partitionIndex }] }] });
    const quorum = await script.ask(describeQuorum, of("__cluster_metadata", 0));
    script.record("of the metadata", withoutOffsets(quorum));
    await script.call("of another topic", describeQuorum, of(script.unique("none"), 0));
    await script.call("of another partition", describeQuorum, of("__cluster_metadata", 1));
    await script.call("of nothing", describeQuorum, { topics: [] });
  }),
  scenario(updateFeatures, "levels", async (script, version) => {
    const ask = (label: string, feature: string, maxVersionLevel: number, upgradeType = 1, validateOnly = true) =>
      script.call(`${label}${validateOnly ? ", validated" : ""}`, updateFeatures, {
        timeoutMs,
        featureUpdates: [
          version === 0 ? { feature, maxVersionLevel, allowDowngrade: upgradeType > 1 } : { feature, maxVersionLevel, upgradeType },
        ],
        ...(version >= 1 ? { validateOnly } : {}),
      });
    // Without validateOnly nothing may be asked for that Kafka would do: what follows would run on another cluster.
    const only = version >= 1;
    await ask("the level that holds", "group.version", 1, 1, only);
    await ask("an unknown feature", "no.such.feature", 1, 1, only);
    await ask("a level that is not there", "group.version", 99, 1, only);
    await ask("a negative level", "group.version", -1, 1, only);
    if (version >= 1) {
      await ask("an unknown way", "group.version", 1, 9);
      await ask("down without saying so", "group.version", 0, 1);
      await ask("down", "group.version", 0, 2);
    }
    await script.call("nothing", updateFeatures, { timeoutMs, featureUpdates: [] });
    await script.call("twice", updateFeatures, {
      timeoutMs,
      featureUpdates: [
        { feature: "group.version", maxVersionLevel: 1 },
        { feature: "group.version", maxVersionLevel: 1 },
      ],
    });
  }),
];
