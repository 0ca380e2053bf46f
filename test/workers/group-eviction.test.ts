/**
 * A group's object is broken off in the midst of a rebalance: whoever waits is answered as Kafka's coordinator does while it
 * loads, and all members come to one generation. And what is left on an object that has nobody to wait for.
 */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { controllerClient } from "../../durable-objects/controller-client.ts";
import type { Group } from "../../durable-objects/group.ts";
import { groupClient } from "../../durable-objects/group-client.ts";
import { ClassicMember, ConsumerMember } from "./group-members.ts";
import { bindings } from "./kafka-socket.ts";

const partitions = [0, 1, 2, 3];

const stubOf = (cluster: string) => bindings.GROUP.getByName(`${cluster}/group/g`) as unknown as DurableObjectStub<Group>;

/** An eviction would wait for who waits. */
async function breakOff(cluster: string): Promise<void> {
  await runInDurableObject(stubOf(cluster), (_: Group, state: DurableObjectState) => state.abort("a test")).catch(() => {});
}

async function createTopic(cluster: string): Promise<string> {
  const controller = controllerClient(bindings, cluster);
  const topic = { name: "topic", partitions: partitions.length, replicationFactor: 1, assignments: [], configs: {} };
  const [outcome] = await controller.createTopics([topic], false);
  expect(outcome?.errorCode).toBe(0);
  return (await controller.snapshot(0))!.topics[0]!.id;
}

async function alarmOf(stub: DurableObjectStub<Group>): Promise<number | null> {
  return await runInDurableObject(stub, async (_: Group, state: DurableObjectState) => await state.storage.getAlarm());
}

/** Every partition, once. */
function expectOwned(owned: readonly number[]): void {
  expect(owned.toSorted((one, other) => one - other)).toEqual(partitions);
}

async function settleAll(members: readonly ClassicMember[]): Promise<void> {
  const isDone = (): boolean =>
    members.every(({ owned }) => owned !== undefined) && new Set(members.map(({ generationId }) => generationId)).size === 1;
  await Promise.all(members.map(async (member) => await member.settle(isDone)));
  expectOwned(members.flatMap((member) => member.owned ?? []));
}

async function untilState(cluster: string, state: string): Promise<void> {
  const client = groupClient(bindings, cluster, "g");
  while ((await client.describe()).groupState !== state) await scheduler.wait(1);
}

describe("a classic group that is broken off", () => {
  const codesOf = (members: readonly ClassicMember[]): number[] => [...new Set(members.flatMap(({ codes }) => [...codes]))];

  test("[I7] when some have joined: they hear 14, and all come to one generation", async () => {
    const cluster = "gathering";
    const group = groupClient(bindings, cluster, "g");
    const [one, two, three] = [1, 2, 3].map((number) => new ClassicMember(group, `client${number}`, partitions));
    await settleAll([one!, two!]);
    const joins = [one!.join(), three!.join()];
    await untilState(cluster, "PreparingRebalance");
    await breakOff(cluster);
    expect(await Promise.all(joins)).toEqual([14, 14]);
    expect([14, 25, 27]).toContain(await two!.heartbeat());
    await settleAll([one!, two!, three!]);
    for (const code of codesOf([one!, two!, three!])) expect([0, 14, 16, 22, 25, 27]).toContain(code);
  });

  test("[I7] when all have joined and the leader has not assigned: who waits hears 27, and all come to one generation", async () => {
    const cluster = "assigning";
    const group = groupClient(bindings, cluster, "g");
    const members = [1, 2].map((number) => new ClassicMember(group, `client${number}`, partitions));
    await settleAll(members);
    expect(await Promise.all(members.map(async (member) => await rejoin(member)))).toEqual([0, 0]);
    const follower = members.find(({ joined, memberId }) => joined!.leader !== memberId)!;
    const leader = members.find((member) => member !== follower)!;
    const parked = follower.sync();
    expect(await follower.heartbeat()).toBe(0);
    await breakOff(cluster);
    expect(await parked).toBe(27);
    expect([0, 27]).toContain(await leader.sync());
    await settleAll(members);
    for (const code of codesOf(members)) expect([0, 14, 16, 22, 25, 27]).toContain(code);
  });

  /** The leader's join makes everybody gather; the others come at once. */
  async function rejoin(member: ClassicMember): Promise<number> {
    if (member.joined!.leader !== member.memberId) while ((await member.heartbeat()) !== 27) await scheduler.wait(1);
    return await member.join();
  }
});

describe("a consumer group that is broken off", () => {
  test.each([0, 1, 2, 3, 4, 5])(
    "[I7] at beat %i of a reconciliation: nobody is given what another uses, and it ends",
    async (at) => {
      const cluster = `moving-${at}`;
      const topicId = await createTopic(cluster);
      const group = groupClient(bindings, cluster, "g");
      const members = ["one", "two"].map((memberId) => new ConsumerMember(group, memberId, topicId));
      const [one, two] = members;
      while (one!.owned.length < partitions.length) await one!.beat();
      const isBalanced = (): boolean => members.every(({ owned, epoch }) => owned.length === 2 && epoch === two!.epoch);
      for (let beat = 0; beat < 6 || !isBalanced(); beat++) {
        const member = members[(beat + 1) % 2]!;
        const asking = member.beat();
        if (beat === at) await breakOff(cluster);
        expect([0, 14]).toContain(await asking);
        const used = members.flatMap(({ owned }) => owned);
        expect(new Set(used).size).toBe(used.length);
      }
      expectOwned(members.flatMap(({ owned }) => owned));
    },
  );
});

describe("alarms", () => {
  test("[D3] a group that nobody has joined leaves nothing behind, whoever asks for it", async () => {
    const stub = stubOf("nobody");
    const group = groupClient(bindings, "nobody", "g");
    expect((await group.describe()).errorCode).toBe(69);
    await group.fetchOffsets({ memberId: null, memberEpoch: -1, topics: null, requireStable: false });
    expect(await group.heartbeat({ generationId: 1, memberId: "m", groupInstanceId: null })).toEqual({ errorCode: 25 });
    expect(await alarmOf(stub)).toBeNull();
    const tables = await runInDurableObject(stub, (_: Group, state: DurableObjectState) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('entry', 'snapshot')").toArray(),
    );
    expect(tables).toEqual([]);
  });

  test("a group of which nothing came, or which is gone, is not among the groups of its cluster, and who comes at once is", async () => {
    const controller = controllerClient(bindings, "come-to-nothing");
    const group = groupClient(bindings, "come-to-nothing", "g");
    const facts = { apiVersion: 3, clientId: "client", clientHost: "/127.0.0.1" };
    const join = {
      memberId: "",
      groupInstanceId: null,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array() }],
      sessionTimeoutMs: 1,
      rebalanceTimeoutMs: 10_000,
    };
    expect((await group.joinGroup(join, facts)).errorCode).toBe(26);
    while ((await controller.groups()).length > 0) await scheduler.wait(1);
    const asked = [join, { ...join, sessionTimeoutMs: 10_000 }, join].map(
      async (each) => (await group.joinGroup(each, facts)).errorCode,
    );
    expect(await Promise.all(asked)).toEqual([26, 0, 26]);
    expect(await controller.groups()).toEqual(["g"]);
    expect((await group.list())?.groupState).toBe("CompletingRebalance");
  });

  test("[D3] sessions are an alarm while there are members; without any, only the day on which it is forgotten", async () => {
    const stub = stubOf("emptied");
    const group = groupClient(bindings, "emptied", "g");
    const member = new ClassicMember(group, "client", partitions);
    await settleAll([member]);
    const soon = await alarmOf(stub);
    expect(soon).toBeLessThanOrEqual(Date.now() + 60_000);
    await member.leave();
    // The one that was set while it had a member is the last.
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await alarmOf(stub)).toBeGreaterThan(Date.now() + 500_000);
    expect(await group.delete()).toEqual({ errorCode: 0 });
    await runDurableObjectAlarm(stub);
    expect(await alarmOf(stub)).toBeNull();
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });

  test("[D3] [I7] a group with members that was broken off comes back by its alarm, with all that was committed", async () => {
    const stub = () => stubOf("woken");
    const group = groupClient(bindings, "woken", "g");
    const member = new ClassicMember(group, "client", partitions);
    await settleAll([member]);
    const topic = { topicId: await createTopic("woken"), name: "topic" };
    const { generationId, memberId } = member;
    const committed = { partition: 1, offset: 42, leaderEpoch: -1, metadata: "here" };
    const request = { generationId, memberId, groupInstanceId: null, retentionTimeMs: -1 };
    const facts = { apiVersion: 9, clientId: "client", clientHost: "/127.0.0.1" };
    const answer = await group.commitOffsets({ ...request, topics: [{ ...topic, partitions: [committed] }] }, facts);
    expect(answer).toEqual({ partitionErrors: [[0]] });
    await breakOff("woken");
    expect(await runDurableObjectAlarm(stub())).toBe(true);
    expect(await alarmOf(stub())).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(await member.heartbeat()).toBe(0);
    const found = await group.fetchOffsets({ memberId: null, memberEpoch: -1, topics: null, requireStable: false });
    expect(found).toMatchObject({ errorCode: 0, topics: [{ ...topic, partitions: [{ ...committed, errorCode: 0 }] }] });
  });
});
