/** Reading: Fetch, ListOffsets, OffsetForLeaderEpoch, and DeleteRecords, which changes what there is to read. */
import { fetch } from "../../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../../protocol/messages/02-list-offsets.ts";
import { deleteRecords } from "../../../protocol/messages/21-delete-records.ts";
import { offsetForLeaderEpoch } from "../../../protocol/messages/23-offset-for-leader-epoch.ts";
import { batch } from "../../handlers/records.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { type Fetching, type Topic, append, compressed, fetchRequest } from "./records.ts";

const unknownId = "12345678-9abc-4def-8123-456789abcdef";
const zeroId = "00000000-0000-0000-0000-000000000000";

/** Offsets 0–8 in three batches, one compressed; timestamps 1000 to 3002. */
async function filled(script: Script, configs: Readonly<Record<string, string>> = {}): Promise<Topic> {
  const name = script.unique("t");
  const topic = { name, id: await script.createTopic(name, { partitions: 2, configs }) };
  await append(script, topic, batch({ values: ["a", "b", "c"], timestamps: [1000, 1001, 1002] }));
  await append(script, topic, compressed("gzip", { timestamps: [2000, 2000, 2000] }));
  await append(script, topic, batch({ values: ["x", "y", "z"], timestamps: [3002, 3000, 3001] }));
  return topic;
}

export const fetchScenarios: readonly Scenario[] = [
  scenario(fetch, "good ones", async (script) => {
    const topic = await filled(script);
    const ask = (label: string, fetching: Fetching) => script.tryCall(label, fetch, fetchRequest(script, topic, fetching));
    await ask("from the start", {});
    await ask("from inside a batch", { offset: 4n });
    await ask("the last record", { offset: 8n });
    await ask("at the end", { offset: 9n, maxWaitMs: 10 });
    await ask("at the end, not waiting", { offset: 9n, maxWaitMs: 0 });
    await ask("an empty partition", { partition: 1, maxWaitMs: 10 });
    await ask("committed only", { isolationLevel: 1 });
    await ask("a minimum of nothing", { offset: 9n, minBytes: 0, maxWaitMs: 60_000 });
    await ask("a minimum that is never reached", { minBytes: 1_000_000, maxWaitMs: 20 });
    await ask("the leader's epoch", { epoch: 0 });
  }),
  scenario(fetch, "limits", async (script) => {
    const topic = await filled(script);
    const ask = (label: string, fetching: Fetching) => script.tryCall(label, fetch, fetchRequest(script, topic, fetching));
    await ask("one byte of a partition", { partitionMaxBytes: 1 });
    await ask("one byte in all", { maxBytes: 1 });
    await ask("no bytes of a partition", { partitionMaxBytes: 0 });
    await ask("no bytes in all", { maxBytes: 0 });
    await ask("a negative limit", { partitionMaxBytes: -1 });
    await ask("a negative limit in all", { maxBytes: -1 });
    await ask("one batch and a half", { partitionMaxBytes: 120 });
    await ask("a negative wait", { maxWaitMs: -1, offset: 9n });
    await ask("an unknown isolation", { isolationLevel: 5 });
  }),
  scenario(fetch, "out of range and unknown", async (script, version) => {
    const topic = await filled(script);
    const ask = (label: string, fetching: Fetching, of: Topic = topic) =>
      script.tryCall(label, fetch, fetchRequest(script, of, { maxWaitMs: 10, ...fetching }));
    await ask("beyond the end", { offset: 10n });
    await ask("far beyond the end", { offset: 1_000_000n });
    await ask("a negative offset", { offset: -1n });
    await ask("a very negative offset", { offset: -100n });
    await ask("a partition that is none", { partition: 9 });
    await ask("a negative partition", { partition: -1 });
    await ask("an unknown topic", {}, { name: script.unique("none"), id: unknownId });
    if (version >= 13) await ask("the id of nothing", {}, { name: "", id: zeroId });
    if (version < 13) await ask("a bad name", {}, { name: "a b", id: unknownId });
    if (version >= 9) {
      await ask("an epoch of the future", { epoch: 7 });
      await ask("an epoch below zero", { epoch: -2 });
    }
    if (version >= 12) {
      await ask("last fetched epoch zero", { lastEpoch: 0, offset: 3n });
      await ask("last fetched epoch of the future", { lastEpoch: 5, offset: 3n });
      await ask("last fetched epoch zero, beyond the end", { lastEpoch: 0, offset: 50n });
    }
  }),
  scenario(fetch, "several partitions", async (script, version) => {
    const topic = await filled(script);
    await append(script, topic, batch({ values: ["p"] }), 1);
    const { topics, ...rest } = fetchRequest(script, topic);
    const [{ partitions, ...named }] = topics as [(typeof topics)[0]];
    const [first] = partitions as [(typeof partitions)[0]];
    const both = { ...named, partitions: [first, { ...first, partition: 1 }] };
    await script.call("both", fetch, { ...rest, topics: [both] });
    await script.call("both within one byte", fetch, { ...rest, maxBytes: 1, topics: [both] });
    await script.call("one that is none", fetch, {
      ...rest,
      topics: [{ ...named, partitions: [first, { ...first, partition: 9 }] }],
    });
    await script.tryCall("the same twice", fetch, { ...rest, topics: [{ ...named, partitions: [first, first] }] });
    await script.call("nothing", fetch, { ...rest, maxWaitMs: 10, topics: [] });
    if (version >= 7) {
      await script.tryCall("an unknown session", fetch, { ...rest, sessionId: 12345, sessionEpoch: 1, topics: [both] });
      await script.tryCall("no session with an epoch", fetch, { ...rest, sessionId: 0, sessionEpoch: 1, topics: [both] });
      await script.tryCall("an unknown session to be closed", fetch, {
        ...rest,
        sessionId: 12345,
        sessionEpoch: -1,
        topics: [both],
      });
      await script.tryCall("a new session", fetch, { ...rest, sessionId: 0, sessionEpoch: 0, topics: [both] });
    }
  }),
  scenario(
    fetch,
    "zstd in versions of old",
    async (script) => {
      const name = script.unique("t");
      const topic = { name, id: await script.createTopic(name) };
      await append(script, topic, compressed("zstd"));
      await script.call("handed out", fetch, fetchRequest(script, topic));
    },
    [4, 10],
  ),
  scenario(listOffsets, "by time", async (script, version) => {
    const topic = await filled(script);
    const ask = (label: string, timestamp: bigint, partitionIndex = 0, isolationLevel = 0) =>
      script.tryCall(label, listOffsets, {
        replicaId: -1,
        ...(version >= 2 ? { isolationLevel } : {}),
        topics: [{ name: topic.name, partitions: [{ partitionIndex, timestamp }] }],
      });
    await ask("the end", -1n);
    await ask("the committed end", -1n, 0, 1);
    await ask("the start", -2n);
    for (const special of [-3n, -4n, -5n, -6n, -7n]) await ask(`special ${special}`, special);
    for (const time of [0n, 1000n, 1001n, 1002n, 1003n, 2000n, 2001n, 3000n, 3001n, 3002n, 3003n]) await ask(`time ${time}`, time);
    await ask("the end of nothing", -1n, 1);
    await ask("the start of nothing", -2n, 1);
    await ask("the highest time of nothing", -3n, 1);
    await ask("a time of nothing", 5n, 1);
    await ask("a partition that is none", -1n, 9);
    await ask("a negative partition", -1n, -1);
  }),
  scenario(listOffsets, "wrong ones", async (script, version) => {
    const topic = await filled(script);
    const ask = (label: string, name: string, more: Readonly<Record<string, number>> = {}, replicaId = -1) =>
      script.tryCall(label, listOffsets, {
        replicaId,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n, ...more }] }],
      });
    await ask("an unknown topic", script.unique("none"));
    await ask("a bad name", "a b");
    await ask("no name", "");
    await ask("as a debugging consumer", topic.name, {}, -2);
    await ask("as a broker", topic.name, {}, 7);
    if (version >= 4) {
      await ask("the leader's epoch", topic.name, { currentLeaderEpoch: 0 });
      await ask("an epoch of the future", topic.name, { currentLeaderEpoch: 7 });
    }
    const one = { partitionIndex: 0, timestamp: -1n };
    await script.tryCall("the same twice", listOffsets, { replicaId: -1, topics: [{ name: topic.name, partitions: [one, one] }] });
    await script.tryCall("the same topic twice", listOffsets, {
      replicaId: -1,
      topics: [
        { name: topic.name, partitions: [one] },
        { name: topic.name, partitions: [one] },
      ],
    });
    await script.call("nothing", listOffsets, { replicaId: -1, topics: [] });
    if (version >= 2) await script.tryCall("an unknown isolation", listOffsets, { replicaId: -1, isolationLevel: 9, topics: [] });
  }),
  scenario(offsetForLeaderEpoch, "all of them", async (script, version) => {
    const topic = await filled(script);
    const ask = (label: string, leaderEpoch: number, currentLeaderEpoch = -1, partition = 0, name = topic.name) =>
      script.tryCall(label, offsetForLeaderEpoch, {
        ...(version >= 3 ? { replicaId: -1 } : {}),
        topics: [{ topic: name, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
      });
    await ask("the current", 0);
    await ask("the current, said", 0, 0);
    await ask("the future", 5);
    await ask("none", -1);
    await ask("below none", -2);
    await ask("believing in the future", 0, 7);
    await ask("of nothing", 0, -1, 1);
    await ask("a partition that is none", 0, -1, 9);
    await ask("an unknown topic", 0, -1, 0, script.unique("none"));
    await ask("a bad name", 0, -1, 0, "a b");
    await script.call("nothing", offsetForLeaderEpoch, { topics: [] });
  }),
  scenario(deleteRecords, "steps", async (script) => {
    const topic = await filled(script);
    const ask = (label: string, offset: bigint, partitionIndex = 0, name = topic.name) =>
      script.tryCall(label, deleteRecords, { timeoutMs: 5000, topics: [{ name, partitions: [{ partitionIndex, offset }] }] });
    await ask("before the second", 1n);
    await ask("again", 1n);
    await ask("back", 0n);
    await ask("into a batch", 4n);
    await ask("beyond the end", 10n);
    await ask("a negative offset", -2n);
    await ask("a partition that is none", 1n, 9);
    await ask("an unknown topic", 1n, 0, script.unique("none"));
    await ask("a bad name", 1n, 0, "a b");
    await script.call("the start", listOffsets, {
      replicaId: -1,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: -2n }] }],
    });
    await script.call("by time below the start", listOffsets, {
      replicaId: -1,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: 1000n }] }],
    });
    await script.call("below the start", fetch, fetchRequest(script, topic, { offset: 0n, maxWaitMs: 10 }));
    await script.call("at the start", fetch, fetchRequest(script, topic, { offset: 4n }));
    await ask("everything", -1n);
    await script.call("nothing left", fetch, fetchRequest(script, topic, { offset: 9n, maxWaitMs: 10 }));
    await script.call("by time with nothing left", listOffsets, {
      replicaId: -1,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: 1000n }] }],
    });
    await script.call(
      "the highest time with nothing left",
      listOffsets,
      {
        replicaId: -1,
        topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: -3n }] }],
      },
      { version: 7 },
    );
    await script.tryCall("the same twice", deleteRecords, {
      timeoutMs: 5000,
      topics: [
        {
          name: topic.name,
          partitions: [
            { partitionIndex: 0, offset: 9n },
            { partitionIndex: 0, offset: 9n },
          ],
        },
      ],
    });
    await script.call("nothing", deleteRecords, { timeoutMs: 5000, topics: [] });
  }),
  scenario(deleteRecords, "where nothing may be deleted", async (script) => {
    const name = script.unique("t");
    const topic = { name, id: await script.createTopic(name, { configs: { "cleanup.policy": "compact" } }) };
    await append(script, topic, batch({ values: ["a"], keys: ["k"] }));
    await script.call("refused", deleteRecords, {
      timeoutMs: 5000,
      topics: [{ name, partitions: [{ partitionIndex: 0, offset: 1n }] }],
    });
  }),
];
