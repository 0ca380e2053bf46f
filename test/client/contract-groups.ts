/** The part of the client's contract about groups, and what an administrator does. */
import { describe, test } from "vitest";
import type { Client, ConnectOptions, KafkaError } from "../../client/client.ts";
import { type Strings, eventually, freshName, numbers, reader, take, valuesOf } from "./contract-steps.ts";

export function groupContract(open: (options?: ConnectOptions) => Client): void {
  describe.concurrent.each([
    ["classic, cooperative-sticky", { groupProtocol: "classic" }],
    ["classic, range", { groupProtocol: "classic", assignors: ["range"] }],
    ["consumer", { groupProtocol: "consumer" }],
  ] as const)("a group (%s)", (_name, protocol) => {
    const options = { ...protocol, heartbeatIntervalMs: 200 };

    test(
      "members share partitions, hand them over between two records, and read everything once",
      { timeout: 60_000 },
      async ({ expect }) => {
        await using client = open();
        const [topic, group] = [freshName("shared"), freshName("group")];
        await client.admin().createTopics([{ name: topic, partitions: 4 }]);
        const producer = client.producer();
        let sent = 0;
        const send = async (count: number) => {
          const values = numbers(count, sent).map((value) => ({ value, partition: Number(value) % 4 }));
          sent += count;
          await producer.send(topic, values);
        };
        const read: string[] = [];
        /** Records that a caller is done with: what it still holds when it is closed is read again. */
        let done = 0;
        const owned = new Map<string, Set<number>>();
        const member = (name: string): Strings => {
          const mine = new Set<number>();
          owned.set(name, mine);
          return reader(client, topic, {
            ...options,
            group,
            onAssigned: (partitions: { partition: number }[]) => partitions.forEach(({ partition }) => mine.add(partition)),
            onRevoked: (partitions: { partition: number }[]) => partitions.forEach(({ partition }) => mine.delete(partition)),
          });
        };
        const run = async (consumer: Strings) => {
          for await (const { value } of consumer) {
            read.push(value!);
            // A caller that takes its time must not lose its partition under the record.
            await new Promise((resolve) => setTimeout(resolve, 0));
            done += 1;
          }
        };
        const [one, two] = [member("one"), member("two")];
        await send(100);
        const running = [run(one)];
        await eventually(() => done >= 100);
        running.push(run(two));
        await eventually(async () => {
          await send(4);
          return owned.get("one")!.size === 2 && owned.get("two")!.size === 2;
        });
        await send(100);
        await eventually(() => done >= sent);
        await two.close();
        await eventually(() => owned.get("one")!.size === 4);
        await send(100);
        await eventually(() => done >= sent);
        await one.close();
        await Promise.all(running);
        expect(read.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(sent));
      },
    );

    test("goes on from what was committed; what was not done with is read again", async ({ expect }) => {
      await using client = open();
      const [topic, group] = [freshName("resume"), freshName("group")];
      await client.producer().send(
        topic,
        numbers(10).map((value) => ({ value, partition: 0 })),
      );
      const first = reader(client, topic, { ...options, group });
      await take(first, 4);
      await first.commit();
      await take(first, 2);
      await first.close();
      // The sixth was handed out, and nobody said that it was done with.
      const second = reader(client, topic, { ...options, group });
      expect(valuesOf(await take(second, 5))).toEqual(["5", "6", "7", "8", "9"]);
      await second.commit([{ topic, partition: 0, offset: 8 }]);
      second[Symbol.dispose]();
      expect(await client.admin().groupOffsets(group)).toContainEqual({ topic, partition: 0, offset: 8 });
    });
  });

  test("a member that the group refuses is told why, each time it tries", async ({ expect }) => {
    await using client = open();
    const [topic, group] = [freshName("refused"), freshName("group")];
    await client.producer().send(topic, { value: "x", partition: 0 });
    const first = reader(client, topic, { group, groupProtocol: "classic", assignors: ["range"] });
    await take(first, 1);
    const other = reader(client, topic, { group, groupProtocol: "classic", assignors: ["cooperative-sticky"] });
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(take(other, 1)).rejects.toMatchObject({ codeName: "INCONSISTENT_GROUP_PROTOCOL", retriable: false });
  });

  test("admin: topics, partitions, configs, offsets, records, groups", async ({ expect }) => {
    await using client = open();
    const admin = client.admin();
    const topic = freshName("admin");
    await admin.createTopics([{ name: topic, partitions: 2, configs: { "retention.ms": "1000000" } }]);
    await expect(admin.createTopics([{ name: topic }])).rejects.toMatchObject({ codeName: "TOPIC_ALREADY_EXISTS" });
    expect(await admin.listTopics()).toContain(topic);
    await admin.createPartitions(topic, 3);
    await eventually(async () => (await admin.describeTopics([topic]))[0]!.partitions.length === 3);
    const retention = async () =>
      (await admin.describeConfigs({ type: "topic", name: topic })).find(({ name }) => name === "retention.ms");
    expect(await retention()).toMatchObject({ value: "1000000", isDefault: false });
    await admin.alterConfigs({ type: "topic", name: topic }, { "retention.ms": "2000000" });
    await eventually(async () => (await retention())?.value === "2000000");
    await admin.alterConfigs({ type: "topic", name: topic }, { "retention.ms": null });
    await eventually(async () => (await retention())?.isDefault === true);

    const place = { topic, partition: 0 };
    const times = [1000, 2000, 3000].map((ms) => 1_700_000_000_000 + ms);
    await client.producer().send(
      topic,
      times.map((timestamp) => ({ value: "x", partition: 0, timestamp })),
    );
    const offset = async (when: Parameters<typeof admin.listOffsets>[1]) => (await admin.listOffsets([place], when))[0]?.offset;
    expect([await offset("earliest"), await offset("latest"), await offset(times[1]!), await offset("maxTimestamp")]).toEqual([
      0, 3, 1, 2,
    ]);
    expect(await admin.deleteRecords([{ ...place, offset: 2 }])).toEqual([{ ...place, offset: 2 }]);
    expect(await offset("earliest")).toBe(2);

    const group = freshName("group");
    await admin.alterGroupOffsets(group, [{ ...place, offset: 2 }]);
    expect(await admin.groupOffsets(group)).toEqual([{ ...place, offset: 2 }]);
    expect(await admin.listGroups()).toContainEqual(expect.objectContaining({ groupId: group }));
    expect(await admin.describeGroup(group)).toMatchObject({ groupId: group, type: "classic", state: "Empty", members: [] });
    const reset = await admin.resetGroupOffsets(group, "latest", { validateOnly: true });
    expect(reset).toEqual([{ ...place, from: 2, to: 3 }]);
    expect(await admin.groupOffsets(group)).toEqual([{ ...place, offset: 2 }]);
    const other = { topic, partition: 1 };
    expect(await admin.resetGroupOffsets(group, new Date(times[1]! + 1), { partitions: [place, other] })).toEqual([
      { ...place, from: 2, to: 2 },
      { ...other, from: undefined, to: 0 },
    ]);
    await admin.resetGroupOffsets(group, { offset: 99 });
    expect(await admin.groupOffsets(group)).toEqual([
      { ...place, offset: 3 },
      { ...other, offset: 0 },
    ]);
    await admin.deleteGroupOffsets(group, [place]);
    await admin.deleteGroups([group]).catch((error: KafkaError) => expect(error.codeName).toBe("GROUP_ID_NOT_FOUND"));
    const { brokers, clusterId } = await admin.describeCluster();
    expect(brokers.length).toBeGreaterThan(0);
    expect(clusterId).not.toBe("");
    await admin.deleteTopics([topic]);
    await eventually(async () => !(await admin.listTopics()).includes(topic));
    // Nobody waits for what is not there to appear.
    for (const work of [
      async () => await admin.describeTopics([topic]),
      async () => await admin.deleteTopics([topic]),
      async () => await admin.createPartitions(topic, 4),
      async () => await admin.describeConfigs({ type: "topic", name: topic }),
      async () => await admin.listOffsets([place], "latest"),
    ])
      await expect(work()).rejects.toMatchObject({ codeName: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  test("admin: sizes, all topics at once, and members put out of a group", async ({ expect }) => {
    await using client = open();
    const admin = client.admin();
    const [topic, group] = [freshName("sizes"), freshName("group")];
    await admin.createTopics([{ name: topic, partitions: 2 }]);
    await client.producer().send(topic, { value: "x".repeat(1000), partition: 1 });
    await eventually(async () => (await admin.partitionSizes([topic])).length === 2);
    const sizes = (await admin.partitionSizes([topic])).toSorted((one, other) => one.partition - other.partition);
    expect(sizes).toMatchObject([
      { topic, partition: 0, byteLength: 0 },
      { topic, partition: 1 },
    ]);
    expect(sizes[1]!.byteLength).toBeGreaterThan(1000);
    expect((await admin.describeTopics()).find(({ name }) => name === topic)?.partitions).toHaveLength(2);
    const member = reader(client, topic, { group, groupProtocol: "classic", groupInstanceId: "one" });
    await take(member, 1);
    await member.close();
    // A static member keeps its place until it is put out.
    expect((await admin.describeGroup(group)).members).toMatchObject([{ groupInstanceId: "one" }]);
    await admin.removeGroupMembers(group, [{ groupInstanceId: "one" }]);
    expect((await admin.describeGroup(group)).members).toEqual([]);
    await expect(admin.removeGroupMembers(group, [{ groupInstanceId: "one" }])).rejects.toMatchObject({
      codeName: "UNKNOWN_MEMBER_ID",
    });
  });

  test("admin does not wait for offsets of an open transaction", async ({ expect }) => {
    await using client = open({ operationTimeoutMs: 5000 });
    const admin = client.admin();
    const [topic, group] = [freshName("pending"), freshName("group")];
    await admin.createTopics([{ name: topic, partitions: 1 }]);
    const place = { topic, partition: 0 };
    await client.producer().send(topic, [{ value: "a" }, { value: "b" }]);
    await admin.alterGroupOffsets(group, [{ ...place, offset: 1 }]);
    const transaction = await client.producer({ transactionalId: group }).beginTransaction();
    await transaction.commitOffsets([{ ...place, offset: 2 }], group);
    expect(await admin.groupOffsets(group)).toEqual([{ ...place, offset: 1 }]);
    const preview = await admin.resetGroupOffsets(group, "earliest", { validateOnly: true });
    expect(preview).toEqual([{ ...place, from: 1, to: 0 }]);
    await transaction.commit();
    await eventually(async () => (await admin.groupOffsets(group))[0]?.offset === 2);
  });

  test("admin sees and ends open transactions", async ({ expect }) => {
    await using client = open();
    const id = freshName("open");
    const transaction = await client.producer({ transactionalId: id }).beginTransaction();
    await transaction.send(id, { value: "x", partition: 0 });
    const admin = client.admin();
    expect(await admin.describeTransaction(id)).toMatchObject({
      transactionalId: id,
      state: "Ongoing",
      partitions: [{ topic: id, partition: 0 }],
    });
    const listed = async (filter = {}) => (await admin.listTransactions(filter)).filter((each) => each.transactionalId === id);
    expect(await listed()).toMatchObject([{ transactionalId: id, state: "Ongoing" }]);
    expect(await listed({ states: ["Ongoing"], openMs: 0 })).toHaveLength(1);
    expect(await listed({ states: ["CompleteCommit"] })).toEqual([]);
    expect(await listed({ openMs: 1e9 })).toEqual([]);
    const place = { topic: id, partition: 0 };
    const [{ producers } = { producers: [] }] = await admin.describeProducers([place]);
    expect(producers).toMatchObject([{ producerId: expect.any(Number), lastSequence: 0, transactionStartOffset: 0 }]);
    await expect(admin.abortTransaction(`${id}.nobody`)).rejects.toMatchObject({ codeName: "TRANSACTIONAL_ID_NOT_FOUND" });
    await admin.abortTransaction(id);
    await eventually(async () => {
      const [found] = await admin.describeProducers([place]);
      return found!.producers.every(({ transactionStartOffset }) => transactionStartOffset === undefined);
    });
    await expect(transaction.commit()).rejects.toMatchObject({ retriable: false });
  });
}
