/** Groups that change between the classic protocol and the consumer protocol while their members are there (KIP-848). */
import { decodeData, encodeData } from "../../../protocol/codec.ts";
import { offsetCommit } from "../../../protocol/messages/08-offset-commit.ts";
import { joinGroup } from "../../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../../protocol/messages/12-heartbeat.ts";
import { leaveGroup } from "../../../protocol/messages/13-leave-group.ts";
import { syncGroup } from "../../../protocol/messages/14-sync-group.ts";
import { describeGroups } from "../../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../../protocol/messages/16-list-groups.ts";
import { consumerGroupHeartbeat } from "../../../protocol/messages/68-consumer-group-heartbeat.ts";
import { consumerGroupDescribe } from "../../../protocol/messages/69-consumer-group-describe.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../../../protocol/messages/consumer-protocol.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { joining, untilCoordinated } from "./consumer-groups.ts";
import { joinRequest, type Joining } from "./group-steps.ts";

interface Classic {
  readonly memberId: string;
  readonly generationId: number;
}

const memberB = "bbbbbbbbbbbbbbbbbbbbbA";

function owning(topic: string, partitions: readonly number[]): Joining {
  const ownedPartitions = partitions.length > 0 ? [{ topic, partitions }] : [];
  const metadata = encodeData(consumerProtocolSubscription, 2, { topics: [topic], ownedPartitions, generationId: 1 });
  return { protocols: [{ name: "range", metadata }] };
}

/** A stable classic group of one member that has both partitions of the topic. */
async function classicGroup(script: Script, groupId: string, topic: string, instance: string | null = null): Promise<Classic> {
  const given = { ...owning(topic, []), instance };
  let member = await script.ask(joinGroup, joinRequest(script, groupId, given), { wire: "A" });
  if (member.errorCode === 79) {
    member = await script.ask(joinGroup, joinRequest(script, groupId, { ...given, memberId: member.memberId }), { wire: "A" });
  }
  script.symbols.name(member.memberId, "A");
  const { memberId, generationId } = member;
  const assignment = encodeData(consumerProtocolAssignment, 2, { assignedPartitions: [{ topic, partitions: [0, 1] }] });
  const assignments = [{ memberId, assignment }];
  const { errorCode } = await script.ask(
    syncGroup,
    { groupId, generationId, memberId, groupInstanceId: instance, assignments },
    { version: 4 },
  );
  if (errorCode !== 0) throw new Error(`syncing ${groupId}: ${errorCode}`);
  return { memberId, generationId };
}

/** What a member is given, as numbers of partitions: which ones is the assignor's choice. */
async function sync(
  script: Script,
  label: string,
  groupId: string,
  member: Classic,
  topic: string,
  more = {},
): Promise<readonly number[]> {
  const names = { protocolType: "consumer", protocolName: "range" };
  const answer = await script.ask(syncGroup, { groupId, ...member, ...names, assignments: [], ...more });
  const bytes = answer.assignment;
  const assigned = bytes.length === 0 ? [] : decodeData(consumerProtocolAssignment, bytes).value.assignedPartitions;
  const partitions = assigned.flatMap((each) => (each.topic === topic ? each.partitions : []));
  script.record(label, { ...answer, assignment: partitions.length });
  return partitions;
}

async function rejoin(script: Script, label: string, groupId: string, memberId: string, given: Joining): Promise<Classic> {
  const answer = await script.call(label, joinGroup, joinRequest(script, groupId, { ...given, memberId }));
  return { memberId: answer.memberId, generationId: answer.generationId };
}

export const migratingGroupScenarios: readonly Scenario[] = [
  scenario(consumerGroupHeartbeat, "a classic group goes over and comes back", async (script) => {
    const [groupId, topic] = [script.unique("g"), script.unique("t")];
    const topicId = await script.createTopic(topic, { partitions: 2 });
    await untilCoordinated(script, topic);
    const first = await classicGroup(script, groupId, topic);
    const beat = (label: string, member: Classic) => script.call(label, heartbeat, { groupId, ...member });
    const topics = [{ topicId, partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: "" }] }];
    const commit = (label: string, { memberId, generationId }: Classic) =>
      script.call(label, offsetCommit, { groupId, memberId, generationIdOrMemberEpoch: generationId, topics });
    const joined = await script.call("B joins", consumerGroupHeartbeat, joining(groupId, topic, memberB));
    await script.call("both are described", consumerGroupDescribe, { groupIds: [groupId] });
    await script.call("not as a classic group", describeGroups, { groups: [groupId] });
    const { groups } = await script.ask(listGroups, {});
    script.record(
      "listed",
      groups.filter((group) => group.groupId === groupId),
    );
    await beat("A is to join again", first);
    await beat("in a generation that is none", { ...first, generationId: 7 });
    await commit("A commits", first);
    await commit("in another generation", { ...first, generationId: 7 });
    await sync(script, "A cannot sync yet", groupId, first, topic);
    const kept = await rejoin(script, "A joins with both", groupId, first.memberId, owning(topic, [0, 1]));
    const owned = await sync(script, "A keeps one", groupId, kept, topic);
    await beat("A is to say so", kept);
    const second = await rejoin(script, "A joins with one", groupId, first.memberId, owning(topic, owned));
    await sync(script, "under another protocol", groupId, second, topic, { protocolName: "sticky" });
    await sync(script, "A has one", groupId, second, topic);
    await beat("A may go on", second);
    const mine = { groupId, memberId: memberB, memberEpoch: joined.memberEpoch };
    const given = await script.ask(consumerGroupHeartbeat, { ...mine, topicPartitions: [] });
    script.record("B has the other", given.assignment?.topicPartitions.flatMap(({ partitions }) => partitions).length);
    await script.call("of another type", joinGroup, joinRequest(script, groupId, { protocolType: "connect" }));
    await script.call("with no common protocol", joinGroup, {
      ...joinRequest(script, groupId, owning(topic, [])),
      protocols: [{ name: "sticky", metadata: owning(topic, []).protocols![0]!.metadata }],
    });
    await script.call("B leaves", consumerGroupHeartbeat, { groupId, memberId: memberB, memberEpoch: -1 });
    await script.call("a classic group again", describeGroups, { groups: [groupId] });
    await beat("A is to join once more", second);
    const third = await rejoin(script, "A leads", groupId, first.memberId, owning(topic, owned));
    await script.call("A leaves", leaveGroup, { groupId, members: [{ memberId: third.memberId }] });
  }),
  scenario(consumerGroupHeartbeat, "a static member changes its protocol", async (script) => {
    const [groupId, topic, instanceId] = [script.unique("g"), script.unique("t"), "one"];
    await script.createTopic(topic, { partitions: 2 });
    await untilCoordinated(script, topic);
    const first = await classicGroup(script, groupId, topic, instanceId);
    const beat = (label: string, member: Classic) =>
      script.call(label, heartbeat, { groupId, ...member, groupInstanceId: instanceId });
    const over = await script.call("goes over", consumerGroupHeartbeat, { ...joining(groupId, topic, memberB), instanceId });
    await beat("its old self", first);
    const back = await script.ask(joinGroup, joinRequest(script, groupId, { ...owning(topic, []), instance: instanceId }));
    script.symbols.name(back.memberId, "A once more");
    script.record("comes back", back);
    await script.call("its other self", consumerGroupHeartbeat, {
      groupId,
      memberId: memberB,
      instanceId,
      memberEpoch: over.memberEpoch,
    });
    await beat("goes on", back);
    await sync(script, "has both", groupId, back, topic, { groupInstanceId: instanceId });
  }),
];
