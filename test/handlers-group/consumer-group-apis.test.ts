/** ConsumerGroupHeartbeat and ConsumerGroupDescribe as clients of every version see them. */
import { describe, expect, test } from "vitest";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { Cluster } from "./cluster.ts";

const idA = "00000000-0000-4000-8000-00000000000a";

function cluster(): Cluster {
  const made = new Cluster();
  made.addTopic("a", idA, 2);
  return made;
}

function join(made: Cluster, version: number, said: object = {}) {
  const first = { groupId: "g", memberId: "m1", memberEpoch: 0, rebalanceTimeoutMs: 1000, topicPartitions: [] };
  return made.send(consumerGroupHeartbeat, version, { ...first, subscribedTopicNames: ["a"], ...said });
}

describe.each([0, 1])("ConsumerGroupHeartbeat %i", (version) => {
  test("joins, stays and leaves", async () => {
    const made = cluster();
    expect(await join(made, version)).toMatchObject({
      errorCode: 0,
      errorMessage: null,
      memberId: "m1",
      memberEpoch: 1,
      heartbeatIntervalMs: 5000,
      assignment: { topicPartitions: [{ topicId: idA, partitions: [0, 1] }] },
    });
    const stay = { groupId: "g", memberId: "m1", memberEpoch: 1 };
    expect(await made.send(consumerGroupHeartbeat, version, stay)).toMatchObject({ errorCode: 0, assignment: null });
    const leave = { groupId: "g", memberId: "m1", memberEpoch: -1 };
    expect(await made.send(consumerGroupHeartbeat, version, leave)).toMatchObject({ errorCode: 0, memberEpoch: -1 });
  });

  test("says what is wrong", async () => {
    const made = cluster();
    expect(await join(made, version, { groupId: " " })).toMatchObject({ errorCode: 42, errorMessage: "GroupId can't be empty." });
    const stranger = { groupId: "none", memberId: "m1", memberEpoch: 1 };
    expect(await made.send(consumerGroupHeartbeat, version, stranger)).toMatchObject({
      errorCode: 69,
      errorMessage: "Consumer group none not found.",
    });
  });
});

test("ConsumerGroupHeartbeat 1 takes patterns and refuses bad ones with 128", async () => {
  const made = cluster();
  expect(await join(made, 1, { subscribedTopicNames: null, subscribedTopicRegex: "[" })).toMatchObject({ errorCode: 128 });
  expect(
    (await join(made, 1, { subscribedTopicNames: null, subscribedTopicRegex: ".*" })).assignment?.topicPartitions,
  ).toHaveLength(1);
});

describe.each([0, 1])("ConsumerGroupDescribe %i", (version) => {
  test("shows members with what they have and are to have, and 69 for others", async () => {
    const made = cluster();
    await join(made, 1);
    const commit = { groupId: "c", memberId: "", generationIdOrMemberEpoch: -1 };
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }];
    await made.send(offsetCommit, 9, { ...commit, topics: [{ name: "a", partitions }] });
    const { groups } = await made.send(consumerGroupDescribe, version, { groupIds: ["g", "c", "none"] });
    const assigned = { topicPartitions: [{ topicId: idA, topicName: "a", partitions: [0, 1] }] };
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      groupEpoch: 1,
      assignmentEpoch: 1,
      assignorName: "uniform",
    });
    expect(groups[0]!.members[0]).toMatchObject({ memberId: "m1", memberEpoch: 1, clientHost: "/10.0.0.1", assignment: assigned });
    expect(groups[0]!.members[0]).toMatchObject({ targetAssignment: assigned, memberType: version >= 1 ? 1 : -1 });
    expect(groups.slice(1).map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [69, "Group c is not a consumer group."],
      [69, "Group none not found."],
    ]);
    const classic = await made.send(describeGroups, 6, { groups: ["g"] });
    expect(classic.groups[0]).toMatchObject({ errorCode: 69, errorMessage: "Group g is not a classic group.", groupState: "Dead" });
  });
});
