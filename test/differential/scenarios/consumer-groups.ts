/** The consumer group protocol of KIP-848: heartbeats that join, follow, leave and are fenced, and what is seen from outside. */
import { offsetCommit } from "../../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../../protocol/messages/09-offset-fetch.ts";
import { joinGroup } from "../../../protocol/messages/11-join-group.ts";
import { describeGroups } from "../../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../../protocol/messages/16-list-groups.ts";
import { deleteGroups } from "../../../protocol/messages/42-delete-groups.ts";
import { consumerGroupHeartbeat } from "../../../protocol/messages/68-consumer-group-heartbeat.ts";
import { consumerGroupDescribe } from "../../../protocol/messages/69-consumer-group-describe.ts";
import type { RequestInput } from "../../../protocol/schema.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { joinRequest, lonely } from "./group-steps.ts";

type Beat = RequestInput<typeof consumerGroupHeartbeat>;

interface Given {
  readonly epoch: number;
  readonly owned: NonNullable<Beat["topicPartitions"]> | null;
}

const memberA = "aaaaaaaaaaaaaaaaaaaaaA";
const probe = "cccccccccccccccccccccA";
const memberB = "bbbbbbbbbbbbbbbbbbbbbA";

/** Kafka's coordinator hears of a topic a moment after the brokers do: until a group of nobody's gets its partitions. */
export async function untilCoordinated(script: Script, topic: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const groupId = script.unique(`probe-${attempt}`);
    const { assignment } = await script.ask(
      consumerGroupHeartbeat,
      { ...joining(groupId, topic), memberId: probe },
      { version: 1 },
    );
    await script.ask(consumerGroupHeartbeat, { groupId, memberId: probe, memberEpoch: -1 }, { version: 1 });
    if (assignment !== null && assignment.topicPartitions.length > 0) return;
    if (attempt > 500) throw new Error(`the coordinator does not hear of ${topic}`);
  }
}

/** What a client sends when it joins. */
export function joining(groupId: string, topic: string, memberId = memberA): Beat {
  return { groupId, memberId, memberEpoch: 0, rebalanceTimeoutMs: 30_000, subscribedTopicNames: [topic], topicPartitions: [] };
}

/** Beats until the member has been given a number of partitions, owning what it was given; answers what that was. */
async function untilGiven(script: Script, label: string, first: Beat, count: number): Promise<Given> {
  let owned: Beat["topicPartitions"] = first.topicPartitions ?? null;
  let epoch = first.memberEpoch!;
  const endMs = Date.now() + 8000;
  for (
    let beat: Beat = first;
    ;
    beat = { groupId: first.groupId!, memberId: first.memberId!, memberEpoch: epoch, topicPartitions: owned }
  ) {
    const answer = await script.ask(consumerGroupHeartbeat, beat);
    epoch = answer.memberEpoch;
    if (answer.assignment !== null) owned = answer.assignment.topicPartitions;
    const given = (owned ?? []).flatMap(({ partitions }) => partitions!).length;
    if ((given === count && answer.errorCode === 0) || answer.errorCode !== 0 || Date.now() > endMs) {
      script.record(label, { errorCode: answer.errorCode, errorMessage: answer.errorMessage, owned });
      return { epoch, owned };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const consumerGroupScenarios: readonly Scenario[] = [
  scenario(consumerGroupHeartbeat, "a lonely member", async (script) => {
    const [group, topic] = [script.unique("g"), script.unique("t")];
    await script.createTopic(topic, { partitions: 2 });
    await untilCoordinated(script, topic);
    const { memberId, memberEpoch, assignment } = await script.call(
      "joins",
      consumerGroupHeartbeat,
      joining(group, topic, memberA),
    );
    script.symbols.name(memberId!, "the member");
    const ask = (label: string, more: Beat = {}) =>
      script.tryCall(label, consumerGroupHeartbeat, { groupId: group, memberId: memberId!, memberEpoch, ...more });
    await ask("owns what it was given", { topicPartitions: assignment!.topicPartitions });
    await ask("beats");
    await ask("a wrong epoch", { memberEpoch: memberEpoch + 5 });
    await ask("an unknown member", { memberId: memberB });
    await ask("an epoch below -2", { memberEpoch: -3 });
    await script.call("the group", consumerGroupDescribe, { groupIds: [group], includeAuthorizedOperations: true });
    await ask("range wanted", { serverAssignor: "range" });
    await ask("joins again", joining(group, topic, memberId!));
    await ask("leaves", { memberEpoch: -1 });
    await ask("leaves again", { memberEpoch: -1 });
    await script.call("the empty group", consumerGroupDescribe, { groupIds: [group] });
    await script.call("is listed", deleteGroups, { groupsNames: [group] });
  }),
  scenario(consumerGroupHeartbeat, "refused", async (script, version) => {
    const [group, topic] = [script.unique("g"), script.unique("t")];
    await script.createTopic(topic);
    await untilCoordinated(script, topic);
    const good = joining(group, topic);
    const ask = (label: string, more: Beat) => script.tryCall(label, consumerGroupHeartbeat, { ...good, ...more });
    await ask("no group id", { groupId: "" });
    await ask("a group id of spaces", { groupId: "  " });
    await ask("no rebalance time-out", { rebalanceTimeoutMs: -1 });
    await ask("no topics", { subscribedTopicNames: null });
    await ask("no partitions owned", { topicPartitions: null });
    await ask("partitions owned at once", {
      topicPartitions: [{ topicId: "12345678-9abc-4def-8123-456789abcdef", partitions: [0] }],
    });
    await ask("an unknown assignor", { serverAssignor: "nonsense" });
    await ask("an empty assignor", { serverAssignor: "" });
    await ask("an empty instance", { instanceId: "" });
    await ask("an empty rack", { rackId: "" });
    const unnamed = await script.ask(consumerGroupHeartbeat, { ...good, memberId: "" });
    script.symbols.name(unnamed.memberId ?? "", "an id");
    script.record("no member id", unnamed);
    await ask("an unknown group with an epoch", { groupId: script.unique("none"), memberEpoch: 3 });
    await ask("an unknown group to be left", { groupId: script.unique("none"), memberEpoch: -1 });
    await ask("-2 without an instance", { memberEpoch: -2 });
    await ask("an empty topic name", { subscribedTopicNames: [""] });
    await ask("an unknown topic", { groupId: script.unique("other"), subscribedTopicNames: [script.unique("none")] });
    if (version < 1) return;
    const regex = (label: string, subscribedTopicRegex: string) =>
      ask(label, { groupId: script.unique(label), subscribedTopicNames: null, subscribedTopicRegex });
    for (const pattern of ["(", "[a", "a{2,1}", "*", String.raw`\p{Nonsense}`, "(?=a)", String.raw`(a)\1`, "a**", "(?P<n>a"]) {
      await regex(`the regex ${pattern}`, pattern);
    }
    await regex("an empty regex", "");
  }),
  scenario(
    consumerGroupHeartbeat,
    "a regex",
    async (script) => {
      const group = script.unique("g");
      await script.createTopic(script.unique("foo-1"));
      await script.createTopic(script.unique("foo-2"));
      await script.createTopic(script.unique("bar-1"));
      const beat: Beat = {
        groupId: group,
        memberId: memberA,
        memberEpoch: 0,
        rebalanceTimeoutMs: 30_000,
        subscribedTopicRegex: script.unique("foo-.*"),
        topicPartitions: [],
      };
      await untilGiven(script, "two topics", beat, 2);
      const { groups } = await script.ask(consumerGroupDescribe, { groupIds: [group] });
      script.record(
        "as described",
        groups[0]?.members.map(({ subscribedTopicRegex, subscribedTopicNames }) => ({
          subscribedTopicRegex,
          subscribedTopicNames,
        })),
      );
    },
    [1, 1],
  ),
  scenario(consumerGroupHeartbeat, "two members", async (script) => {
    const [group, topic] = [script.unique("g"), script.unique("t")];
    await script.createTopic(topic, { partitions: 4 });
    await untilCoordinated(script, topic);
    const first = await script.call("A joins", consumerGroupHeartbeat, joining(group, topic));
    const owned = first.assignment!.topicPartitions;
    await script.call("A owns all", consumerGroupHeartbeat, {
      groupId: group,
      memberId: memberA,
      memberEpoch: first.memberEpoch,
      topicPartitions: owned,
    });
    const second = await script.until(
      "B joins",
      consumerGroupHeartbeat,
      joining(group, topic, memberB),
      ({ errorCode }) => errorCode === 0,
    );
    const mine = { groupId: group, memberId: memberA };
    const asked = await untilGiven(
      script,
      "A is to give up two",
      { ...mine, memberEpoch: first.memberEpoch, topicPartitions: owned },
      2,
    );
    const kept = { ...mine, memberEpoch: asked.epoch, topicPartitions: asked.owned };
    await untilGiven(script, "A has given up two", kept, 2);
    const others = { groupId: group, memberId: memberB, memberEpoch: second.memberEpoch, topicPartitions: [] };
    await untilGiven(script, "B is given two", others, 2);
    await script.tryCall("A with its first epoch", consumerGroupHeartbeat, {
      ...mine,
      memberEpoch: first.memberEpoch,
      topicPartitions: [],
    });
    await script.tryCall("B leaves", consumerGroupHeartbeat, { groupId: group, memberId: memberB, memberEpoch: -1 });
  }),
  scenario(consumerGroupHeartbeat, "static members", async (script) => {
    const [group, topic] = [script.unique("g"), script.unique("t")];
    await script.createTopic(topic, { partitions: 2 });
    await untilCoordinated(script, topic);
    const instanceId = "one";
    const good = { ...joining(group, topic), instanceId };
    const first = await script.call("joins", consumerGroupHeartbeat, good);
    const ask = (label: string, more: Beat) => script.tryCall(label, consumerGroupHeartbeat, { ...good, ...more });
    await ask("another takes its name", { memberId: memberB });
    await ask("another beats with its name", { memberId: memberB, memberEpoch: first.memberEpoch });
    await ask("an unknown name beats", { instanceId: "two", memberEpoch: first.memberEpoch });
    await ask("leaves for a while", { memberEpoch: -2, subscribedTopicNames: null, topicPartitions: null, rebalanceTimeoutMs: -1 });
    await ask("the old id after that", { memberEpoch: first.memberEpoch, subscribedTopicNames: null, topicPartitions: null });
    await script.call("the group", consumerGroupDescribe, { groupIds: [group] });
    await ask("comes back under another id", { memberId: memberB });
    await ask("the old id again", { memberEpoch: first.memberEpoch });
    await ask("the old id leaves", { memberEpoch: -1 });
    await ask("leaves for good", { memberId: memberB, memberEpoch: -1 });
  }),
  scenario(consumerGroupHeartbeat, "offsets", async (script) => {
    const [group, topic] = [script.unique("g"), script.unique("t")];
    const topicId = await script.createTopic(topic);
    await untilCoordinated(script, topic);
    const { memberEpoch } = await script.ask(consumerGroupHeartbeat, joining(group, topic));
    const commit = (label: string, memberId: string, epoch: number, groupInstanceId: string | null = null) =>
      script.call(label, offsetCommit, {
        groupId: group,
        memberId,
        generationIdOrMemberEpoch: epoch,
        groupInstanceId,
        topics: [{ topicId, partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: "" }] }],
      });
    const read = (label: string, memberId: string | null, epoch: number) =>
      script.call(label, offsetFetch, {
        groups: [{ groupId: group, memberId, memberEpoch: epoch, topics: [{ topicId, partitionIndexes: [0] }] }],
      });
    await commit("the member", memberA, memberEpoch);
    await commit("an older epoch", memberA, memberEpoch - 1);
    await commit("a newer epoch", memberA, memberEpoch + 1);
    await commit("an unknown member", memberB, memberEpoch);
    await commit("from outside", "", -1);
    await read("the member's", memberA, memberEpoch);
    await read("an older epoch's", memberA, memberEpoch - 1);
    await read("a newer epoch's", memberA, memberEpoch + 1);
    await read("an unknown member's", memberB, memberEpoch);
    await read("from outside, read", null, -1);
  }),
  scenario(consumerGroupHeartbeat, "beside the classic protocol", async (script) => {
    const [group, classic, topic] = [script.unique("g"), script.unique("classic"), script.unique("t")];
    await script.createTopic(topic);
    await untilCoordinated(script, topic);
    await script.ask(consumerGroupHeartbeat, joining(group, topic));
    await lonely(script, classic, "C", { protocolType: "connect", protocols: [{ name: "default", metadata: Buffer.from("x") }] });
    await script.call("a consumer group, described as classic", describeGroups, { groups: [group] });
    await script.call("a classic group, described as consumer", consumerGroupDescribe, { groupIds: [classic] });
    await script.call("a group of another type is joined", consumerGroupHeartbeat, joining(classic, topic));
    await script.call("a classic member with another type", joinGroup, joinRequest(script, group, { protocolType: "connect" }));
    const { groups } = await script.ask(listGroups, { typesFilter: ["consumer"] });
    script.record(
      "listed",
      groups.filter(({ groupId }) => groupId === group),
    );
    await script.call("deleted with a member", deleteGroups, { groupsNames: [group] });
  }),
  scenario(consumerGroupDescribe, "unknown and bad", async (script) => {
    await script.call("an unknown group", consumerGroupDescribe, { groupIds: [script.unique("none")] });
    await script.call("no group id", consumerGroupDescribe, { groupIds: [""] });
    await script.call("nothing", consumerGroupDescribe, { groupIds: [] });
    const group = script.unique("g");
    await script.ask(consumerGroupHeartbeat, joining(group, script.unique("none")));
    await script.call("twice", consumerGroupDescribe, { groupIds: [group, group], includeAuthorizedOperations: true });
  }),
];
