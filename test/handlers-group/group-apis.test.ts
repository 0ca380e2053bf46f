/** The group APIs as clients of every version see them: requests and responses through the codec, groups behind them. */
import { describe, expect, test } from "vitest";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { joinGroup } from "../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../protocol/messages/12-heartbeat.ts";
import { leaveGroup } from "../../protocol/messages/13-leave-group.ts";
import { syncGroup } from "../../protocol/messages/14-sync-group.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { offsetDelete } from "../../protocol/messages/47-offset-delete.ts";
import { Cluster } from "./cluster.ts";

const idA = "00000000-0000-4000-8000-00000000000a";
const unknownId = "00000000-0000-4000-8000-0000000000ff";
const bytes = (value: string) => new TextEncoder().encode(value);

function versions(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function cluster(): Cluster {
  const made = new Cluster();
  made.addTopic("a", idA);
  return made;
}

async function joinAlone(made: Cluster, version = 9, groupId = "g") {
  const request = {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: version >= 1 ? 60_000 : undefined,
    memberId: "",
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: bytes("said") }],
  };
  const first = await made.send(joinGroup, version, request);
  if (version < 4) return first;
  expect(first).toMatchObject({ errorCode: 79, generationId: -1, protocolName: version >= 7 ? null : "" });
  return await made.send(joinGroup, version, { ...request, memberId: first.memberId });
}

async function stableAlone(made: Cluster, groupId = "g") {
  const { memberId, generationId } = await joinAlone(made, 9, groupId);
  await made.send(syncGroup, 4, { groupId, generationId, memberId, assignments: [{ memberId, assignment: bytes("all") }] });
  return { memberId, generationId };
}

async function commit(made: Cluster, version: number, options: { metadata?: string | null; topic?: string; id?: string } = {}) {
  const { metadata = "m", topic = "a", id = idA } = options;
  const partition = { partitionIndex: 1, committedOffset: 2n ** 40n, committedMetadata: metadata };
  const topics = [{ ...(version >= 10 ? { topicId: id } : { name: topic }), partitions: [partition] }];
  const answer = await made.send(offsetCommit, version, { groupId: "g", memberId: "", generationIdOrMemberEpoch: -1, topics });
  return answer.topics;
}

describe.each(versions(0, 9))("JoinGroup %i", (version) => {
  test("lets a lone member lead", async () => {
    const answer = await joinAlone(cluster(), version);
    expect(answer).toMatchObject({ errorCode: 0, generationId: 1, protocolName: "range", leader: answer.memberId });
    expect(answer.memberId).toMatch(/^app-uuid\d$/);
    expect(answer.members.map(({ metadata }) => [...metadata])).toEqual([[...bytes("said")]]);
    if (version >= 7) expect(answer.protocolType).toBe("consumer");
  });

  test("refuses a group without a name", async () => {
    const answer = await cluster().send(joinGroup, version, { groupId: "", memberId: "m", sessionTimeoutMs: 1 });
    expect(answer).toMatchObject({ errorCode: 24, memberId: "m" });
  });
});

describe.each(versions(0, 5))("SyncGroup %i", (version) => {
  test("hands out what the leader assigned", async () => {
    const made = cluster();
    const { memberId, generationId } = await joinAlone(made);
    const protocol = version >= 5 ? { protocolType: "consumer", protocolName: "range" } : {};
    const assignments = [{ memberId, assignment: bytes("all") }];
    const answer = await made.send(syncGroup, version, { groupId: "g", generationId, memberId, assignments, ...protocol });
    expect([answer.errorCode, ...answer.assignment]).toEqual([0, ...bytes("all")]);
    if (version >= 5) expect(answer).toMatchObject(protocol);
  });
});

test("SyncGroup 5 must say the protocol: 23", async () => {
  const made = cluster();
  const { memberId, generationId } = await joinAlone(made);
  expect((await made.send(syncGroup, 5, { groupId: "g", generationId, memberId })).errorCode).toBe(23);
});

describe.each(versions(0, 4))("Heartbeat %i", (version) => {
  test("knows members from strangers", async () => {
    const made = cluster();
    const { memberId, generationId } = await stableAlone(made);
    expect((await made.send(heartbeat, version, { groupId: "g", generationId, memberId })).errorCode).toBe(0);
    expect((await made.send(heartbeat, version, { groupId: "g", generationId, memberId: "?" })).errorCode).toBe(25);
    expect((await made.send(heartbeat, version, { groupId: "", generationId, memberId })).errorCode).toBe(24);
  });
});

describe.each(versions(0, 5))("LeaveGroup %i", (version) => {
  test("takes one member, or from version 3 several, each with its answer", async () => {
    const made = cluster();
    const { memberId } = await stableAlone(made);
    if (version < 3) {
      expect(await made.send(leaveGroup, version, { groupId: "g", memberId })).toMatchObject({ errorCode: 0 });
      expect(await made.send(leaveGroup, version, { groupId: "g", memberId })).toMatchObject({ errorCode: 25 });
    } else {
      const answer = await made.send(leaveGroup, version, { groupId: "g", members: [{ memberId }, { memberId: "?" }] });
      expect(answer).toMatchObject({
        errorCode: 0,
        members: [
          { memberId, errorCode: 0 },
          { memberId: "?", errorCode: 25 },
        ],
      });
    }
  });
});

describe.each(versions(2, 10))("OffsetCommit %i", (version) => {
  test("keeps offset and metadata", async () => {
    const made = cluster();
    expect((await commit(made, version))[0]!.partitions).toEqual([{ partitionIndex: 1, errorCode: 0 }]);
    const { topics } = await made.send(offsetFetch, 7, { groupId: "g", topics: [{ name: "a", partitionIndexes: [1] }] });
    expect(topics[0]!.partitions[0]).toMatchObject({ committedOffset: 2n ** 40n, metadata: "m", errorCode: 0 });
  });

  test("refuses what does not exist and what is too long", async () => {
    const made = cluster();
    const unknown = await commit(made, version, { topic: "b", id: unknownId });
    expect(unknown[0]!.partitions[0]!.errorCode).toBe(version >= 10 ? 100 : 3);
    if (version >= 10) expect(unknown[0]!.topicId).toBe(unknownId);
    expect((await commit(made, version, { metadata: "x".repeat(4097) }))[0]!.partitions[0]!.errorCode).toBe(12);
  });
});

test("OffsetCommit answers known and unknown topics in the order of the request", async () => {
  const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }];
  const topics = ["x", "a", "y"].map((name) => ({ name, partitions }));
  const answer = await cluster().send(offsetCommit, 9, { groupId: "g", memberId: "", generationIdOrMemberEpoch: -1, topics });
  expect(answer.topics.map(({ name, partitions: [only] }) => [name, only!.errorCode])).toEqual([
    ["x", 3],
    ["a", 0],
    ["y", 3],
  ]);
});

describe.each(versions(1, 10))("OffsetFetch %i", (version) => {
  const none = { committedOffset: -1n, committedLeaderEpoch: -1, metadata: "", errorCode: 0 };

  async function fetch(made: Cluster, topics: readonly { name: string; topicId: string; partitionIndexes: number[] }[] | null) {
    const asked = topics?.map(({ name, topicId, ...rest }) => ({ ...(version >= 10 ? { topicId } : { name }), ...rest })) ?? null;
    if (version < 8) return (await made.send(offsetFetch, version, { groupId: "g", topics: asked })).topics;
    const answer = await made.send(offsetFetch, version, { groups: [{ groupId: "g", topics: asked }] });
    expect(answer.groups[0]).toMatchObject({ groupId: "g", errorCode: 0 });
    return answer.groups[0]!.topics;
  }

  test("tells what was committed, and -1 without an error where nothing was", async () => {
    const made = cluster();
    await commit(made, 9);
    const [topic] = await fetch(made, [{ name: "a", topicId: idA, partitionIndexes: [0, 1] }]);
    expect(topic!.partitions).toMatchObject([
      { partitionIndex: 0, ...none },
      { partitionIndex: 1, committedOffset: 2n ** 40n, metadata: "m", errorCode: 0 },
    ]);
  });

  test("knows nothing of topics that do not exist: -1, by id 100", async () => {
    const [topic] = await fetch(cluster(), [{ name: "b", topicId: unknownId, partitionIndexes: [0] }]);
    expect(topic!.partitions[0]).toMatchObject({ ...none, errorCode: version >= 10 ? 100 : 0 });
  });

  test.skipIf(version < 2)("tells everything when topics is null, but not of deleted topics", async () => {
    const made = cluster();
    await commit(made, 9);
    expect((await fetch(made, null)).map(({ partitions }) => partitions.length)).toEqual([1]);
    made.topics = [];
    expect(await fetch(made, null)).toEqual([]);
    made.addTopic("a", idA);
    expect(await fetch(made, null)).toEqual([]);
  });

  test("forgets the offsets of a topic that was made anew under its name", async () => {
    const made = cluster();
    await commit(made, 9);
    made.topics = [];
    made.addTopic("a", unknownId);
    const [topic] = await fetch(made, [{ name: "a", topicId: unknownId, partitionIndexes: [1] }]);
    expect(topic!.partitions[0]).toMatchObject(none);
  });
});

describe.each(versions(0, 6))("DescribeGroups %i", (version) => {
  test("shows members with metadata and assignment, and Dead for what is not there", async () => {
    const made = cluster();
    const { memberId } = await stableAlone(made);
    const { groups } = await made.send(describeGroups, version, { groups: ["g", "none"] });
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupId: "g",
      groupState: "Stable",
      protocolType: "consumer",
      protocolData: "range",
    });
    expect(groups[0]!.members[0]).toMatchObject({ memberId, clientId: "app", clientHost: "/10.0.0.1" });
    expect([...groups[0]!.members[0]!.memberAssignment]).toEqual([...bytes("all")]);
    expect(groups[1]).toMatchObject({ groupId: "none", groupState: "Dead", errorCode: version >= 6 ? 69 : 0 });
    if (version >= 6) expect(groups[1]!.errorMessage).toBe("Group none not found.");
  });

  test.skipIf(version < 3)("says what is allowed when asked", async () => {
    const { groups } = await cluster().send(describeGroups, version, { groups: ["g"], includeAuthorizedOperations: true });
    expect(groups[0]!.authorizedOperations).toBe(3400);
  });
});

describe.each(versions(0, 5))("ListGroups %i", (version) => {
  async function listed(filters: { statesFilter?: string[]; typesFilter?: string[] } = {}) {
    const made = cluster();
    await stableAlone(made, "active");
    await commit(made, 9);
    await made.send(describeGroups, 6, { groups: ["absent"] });
    return (await made.send(listGroups, version, filters)).groups.map(({ groupId }) => groupId);
  }

  test("lists those that exist", async () => expect(await listed()).toEqual(["active", "g"]));
  test.skipIf(version < 4)("by state, whatever its case", async () => {
    expect(await listed({ statesFilter: ["stable"] })).toEqual(["active"]);
    expect(await listed({ statesFilter: ["Empty", "Dead"] })).toEqual(["g"]);
  });
  test.skipIf(version < 5)("by type", async () => {
    expect(await listed({ typesFilter: ["Classic"] })).toEqual(["active", "g"]);
    expect(await listed({ typesFilter: ["share"] })).toEqual([]);
  });
});

describe.each(versions(0, 2))("DeleteGroups %i", (version) => {
  test("deletes groups without members", async () => {
    const made = cluster();
    await stableAlone(made, "active");
    await commit(made, 9);
    const { results } = await made.send(deleteGroups, version, { groupsNames: ["g", "active", "absent", "g"] });
    expect(results).toEqual([
      { groupId: "g", errorCode: 0 },
      { groupId: "active", errorCode: 68 },
      { groupId: "absent", errorCode: 69 },
    ]);
  });
});

describe("OffsetDelete 0", () => {
  const ask = (made: Cluster, groupId: string, ...names: string[]) =>
    made.send(offsetDelete, 0, { groupId, topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 1 }] })) });

  test("deletes, and says which topics it does not know", async () => {
    const made = cluster();
    await commit(made, 9);
    const { errorCode, topics } = await ask(made, "g", "b", "a");
    expect([errorCode, ...topics.map(({ partitions }) => partitions[0]!.errorCode)]).toEqual([0, 3, 0]);
    const fetched = await made.send(offsetFetch, 7, { groupId: "g", topics: null });
    expect(fetched.topics).toEqual([]);
  });

  test("of a group that is not there: 69, without a name: 24", async () => {
    expect((await ask(cluster(), "g", "a")).errorCode).toBe(69);
    expect((await ask(cluster(), "", "a")).errorCode).toBe(24);
  });
});
