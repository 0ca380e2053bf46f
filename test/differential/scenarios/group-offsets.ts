/** Committed offsets and the administration of groups: OffsetCommit, OffsetFetch, OffsetDelete, ListGroups, DeleteGroups. */
import { offsetCommit } from "../../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../../protocol/messages/09-offset-fetch.ts";
import { leaveGroup } from "../../../protocol/messages/13-leave-group.ts";
import { describeGroups } from "../../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../../protocol/messages/16-list-groups.ts";
import { deleteGroups } from "../../../protocol/messages/42-delete-groups.ts";
import { offsetDelete } from "../../../protocol/messages/47-offset-delete.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { lonely, subscribedTo } from "./group-steps.ts";
import type { Topic } from "./records.ts";

const unknownId = "12345678-9abc-4def-8123-456789abcdef";

async function newTopic(script: Script): Promise<Topic> {
  const name = script.unique("t");
  return { name, id: await script.createTopic(name, { partitions: 2 }) };
}

interface Committing {
  readonly partition?: number;
  readonly offset?: bigint;
  readonly metadata?: string | null;
  readonly generation?: number;
  readonly member?: string;
  readonly instance?: string;
  readonly epoch?: number;
}

function commitRequest(script: Script, groupId: string, topic: Topic, given: Committing = {}) {
  const version = script.versionOf(offsetCommit);
  return {
    groupId,
    generationIdOrMemberEpoch: given.generation ?? -1,
    memberId: given.member ?? "",
    ...(version >= 7 ? { groupInstanceId: given.instance ?? null } : {}),
    topics: [
      {
        ...(version >= 10 ? { topicId: topic.id } : { name: topic.name }),
        partitions: [
          {
            partitionIndex: given.partition ?? 0,
            committedOffset: given.offset ?? 5n,
            ...(version >= 6 ? { committedLeaderEpoch: given.epoch ?? -1 } : {}),
            committedMetadata: given.metadata === undefined ? "note" : given.metadata,
          },
        ],
      },
    ],
  };
}

/** `undefined` partitions ask for all there are. */
function fetchRequest(script: Script, groupId: string, topic?: Topic, partitionIndexes: readonly number[] = [0, 1]) {
  const version = script.versionOf(offsetFetch);
  const topics =
    topic === undefined ? null : [{ ...(version >= 10 ? { topicId: topic.id } : { name: topic.name }), partitionIndexes }];
  if (version >= 8) return { groups: [{ groupId, topics }] };
  return { groupId, topics: topics as null };
}

export const groupOffsetScenarios: readonly Scenario[] = [
  scenario(offsetCommit, "without members", async (script) => {
    const topic = await newTopic(script);
    const group = script.unique("g");
    const ask = (label: string, given: Committing, of: Topic = topic, groupId = group) =>
      script.tryCall(label, offsetCommit, commitRequest(script, groupId, of, given));
    await ask("an offset", {});
    await ask("with an epoch", { partition: 1, offset: 7n, epoch: 3 });
    await ask("no note", { metadata: null });
    await ask("a long note", { metadata: "n".repeat(4096) });
    await ask("a note too long", { metadata: "n".repeat(4097) });
    await ask("a negative offset", { offset: -1n });
    await ask("a partition that is none", { partition: 9 });
    await ask("an unknown topic", {}, { name: script.unique("none"), id: unknownId });
    await ask("a generation", { generation: 3 });
    await ask("a member", { member: "nobody" });
    await ask("a member of a generation", { member: "nobody", generation: 3 });
    await ask("no group id", {}, topic, "");
    await script.tryCall("nothing", offsetCommit, { ...commitRequest(script, group, topic), topics: [] });
    await script.call("what is kept", offsetFetch, fetchRequest(script, group, topic));
    await script.call("the group", describeGroups, { groups: [group] });
  }),
  scenario(offsetCommit, "by members", async (script, version) => {
    const topic = await newTopic(script);
    const group = script.unique("g");
    const { memberId } = await lonely(script, group);
    const ask = (label: string, given: Committing) =>
      script.tryCall(label, offsetCommit, commitRequest(script, group, topic, given));
    await ask("the member", { member: memberId, generation: 1 });
    await ask("a wrong generation", { member: memberId, generation: 9 });
    await ask("generation -1", { member: memberId, generation: -1 });
    await ask("an unknown member", { member: "nobody", generation: 1 });
    await ask("nobody at all", {});
    await ask("nobody, of the generation", { generation: 1 });
    if (version >= 7) await ask("an unknown instance", { member: memberId, generation: 1, instance: "one" });
    await script.ask(leaveGroup, { groupId: group, members: [{ memberId }] }, { version: 4 });
    await ask("after it has left", { member: memberId, generation: 1 });
    await ask("from outside, when it is empty", { offset: 8n });
  }),
  scenario(offsetFetch, "all of them", async (script, version) => {
    const topic = await newTopic(script);
    const group = script.unique("g");
    await script.call("an unknown group", offsetFetch, fetchRequest(script, group, topic));
    await script.ask(
      offsetCommit,
      {
        groupId: group,
        topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: "n" }] }],
      },
      { version: 8 },
    );
    await script.call("one of two", offsetFetch, fetchRequest(script, group, topic));
    await script.call("a partition that is none", offsetFetch, fetchRequest(script, group, topic, [9]));
    await script.call("an unknown topic", offsetFetch, fetchRequest(script, group, { name: script.unique("none"), id: unknownId }));
    await script.tryCall("no group id", offsetFetch, fetchRequest(script, "", topic));
    if (version >= 2) await script.call("all", offsetFetch, fetchRequest(script, group));
    if (version >= 2) await script.call("all of an unknown group", offsetFetch, fetchRequest(script, script.unique("none")));
    if (version >= 7)
      await script.call("only stable ones", offsetFetch, { ...fetchRequest(script, group, topic), requireStable: true });
    if (version < 8) return;
    const [one] = fetchRequest(script, group).groups!;
    await script.call("two groups", offsetFetch, { groups: [one!, { groupId: script.unique("none"), topics: null }] });
    await script.tryCall("a group twice", offsetFetch, { groups: [one!, one!] });
    await script.call("no groups", offsetFetch, { groups: [] });
    if (version < 9) return;
    await script.call("as a member", offsetFetch, { groups: [{ ...one!, memberId: "nobody", memberEpoch: 3 }] });
    const { memberId, generationId } = await lonely(script, group);
    await script.call("as a member of a classic group", offsetFetch, {
      groups: [{ ...one!, memberId, memberEpoch: generationId }],
    });
    await script.call("as nobody, of a classic group", offsetFetch, { groups: [{ ...one!, memberId: "nobody", memberEpoch: 3 }] });
  }),
  scenario(offsetDelete, "good and bad", async (script) => {
    const topic = await newTopic(script);
    const group = script.unique("g");
    const ask = (label: string, groupId: string, name = topic.name, ...partitions: number[]) =>
      script.tryCall(label, offsetDelete, {
        groupId,
        topics: [{ name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
      });
    const commit = (offset: bigint) =>
      script.ask(
        offsetCommit,
        {
          groupId: group,
          topics: [
            {
              name: topic.name,
              partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: offset, committedMetadata: "" })),
            },
          ],
        },
        { version: 8 },
      );
    await ask("an unknown group", group, topic.name, 0);
    await commit(3n);
    await ask("one", group, topic.name, 0);
    await ask("again", group, topic.name, 0);
    await ask("a partition that is none", group, topic.name, 9);
    await ask("an unknown topic", group, script.unique("none"), 0);
    await ask("no group id", "", topic.name, 0);
    await script.call("what is left", offsetFetch, fetchRequest(script, group, topic));
    const { memberId } = await lonely(script, group, "A", { protocols: [{ name: "range", metadata: subscribedTo(topic.name) }] });
    await ask("of a topic that is subscribed to", group, topic.name, 1);
    await ask("of one that is not", group, script.unique("none"), 1);
    await script.ask(leaveGroup, { groupId: group, members: [{ memberId }] }, { version: 4 });
    await ask("the last one", group, topic.name, 1);
    const connect = script.unique("connect");
    await lonely(script, connect, "C", { protocolType: "connect", protocols: [{ name: "default", metadata: Buffer.from("x") }] });
    await ask("of a group of another type", connect, topic.name, 0);
  }),
  scenario(deleteGroups, "good and bad", async (script) => {
    const topic = await newTopic(script);
    const [group, busy] = [script.unique("g"), script.unique("busy")];
    const commit = (groupId: string) =>
      script.ask(
        offsetCommit,
        {
          groupId,
          topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }] }],
        },
        { version: 8 },
      );
    await commit(group);
    const { memberId } = await lonely(script, busy);
    await script.call("one with members, one unknown, one without an id", deleteGroups, {
      groupsNames: [busy, script.unique("none"), ""],
    });
    await script.call("with offsets only", deleteGroups, { groupsNames: [group] });
    await script.call("again", deleteGroups, { groupsNames: [group] });
    await script.call("its offsets", offsetFetch, fetchRequest(script, group, topic));
    await script.ask(leaveGroup, { groupId: busy, members: [{ memberId }] }, { version: 4 });
    await script.call("twice", deleteGroups, { groupsNames: [busy, busy] });
    await script.call("nothing", deleteGroups, { groupsNames: [] });
  }),
  scenario(listGroups, "filters", async (script, version) => {
    const topic = await newTopic(script);
    const [empty, stable] = [script.unique("empty"), script.unique("stable")];
    await script.ask(
      offsetCommit,
      {
        groupId: empty,
        topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }] }],
      },
      { version: 8 },
    );
    await lonely(script, stable);
    const ask = async (label: string, statesFilter: readonly string[] = [], typesFilter: readonly string[] = []) => {
      const { groups, ...rest } = await script.ask(listGroups, {
        ...(version >= 4 ? { statesFilter } : {}),
        ...(version >= 5 ? { typesFilter } : {}),
      });
      script.record(label, { ...rest, groups: groups.filter(({ groupId }) => groupId === empty || groupId === stable) });
    };
    await ask("all");
    if (version < 4) return;
    await ask("stable ones", ["Stable"]);
    await ask("stable ones, in lower case", ["stable"]);
    await ask("empty and stable ones", ["Empty", "Stable"]);
    await ask("an unknown state", ["Nonsense"]);
    if (version < 5) return;
    await ask("classic ones", [], ["classic"]);
    await ask("classic ones, in capitals", [], ["CLASSIC"]);
    await ask("consumer ones", [], ["consumer"]);
    await ask("an unknown type", [], ["nonsense"]);
    await ask("stable classic ones", ["Stable"], ["classic"]);
  }),
];
