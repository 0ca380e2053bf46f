/**
 * What happens to members and their partitions at awkward moments: a callback that throws what would be tried again elsewhere, a close
 * while the group is being joined, a loss while an assignment is being brought about, partitions that are paused with much of them here.
 */
import { expect, onTestFinished, test } from "vitest";
import { type Client, type TopicPartition, type Transport, connect, json, string } from "../../client/client.ts";
import { TimeoutError } from "../../client/errors.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";
import { eventually, fast, httpPortOf, sharedServer } from "../e2e/kante-process.ts";
import { brief, freshName, numbers, often, take } from "./contract-steps.ts";
import { HeldMail } from "./held-mail.ts";

const running = sharedServer({ args: [...fast, ...often, ...brief] });

const urlOf = (): string => `ws://127.0.0.1:${httpPortOf(running())}/c/default/kafka`;

function opened(options: Parameters<typeof connect>[1] = {}): Client {
  const client = connect(urlOf(), { reconnectBackoffMs: [20, 200], retryBackoffMs: [20, 200], ...options });
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

test.for([
  ["classic", "onAssigned"],
  ["classic", "onRevoked"],
  ["consumer", "onAssigned"],
  ["consumer", "onRevoked"],
] as const)("%s: what %s throws is what the loop throws, also when trying again could help", async ([groupProtocol, callback]) => {
  const [topic, group] = [freshName("callback"), freshName("group")];
  const client = opened();
  await client.producer().send(
    topic,
    numbers(8).map((value) => ({ value, partition: Number(value) % 4 })),
  );
  const options = { topics: [topic], group, groupProtocol, offsetReset: "earliest", heartbeatIntervalMs: 50 } as const;
  let left = 1;
  const failing = () => {
    if (left-- > 0) throw new TimeoutError("the caller's own work took too long");
  };
  const consumer = client.consumer({ ...options, [callback]: failing });
  const reading = (async () => {
    for await (const record of consumer) void record;
  })();
  reading.catch(() => {});
  if (callback === "onRevoked") {
    await eventually(() => consumer.assignment.length === 4);
    void take(client.consumer(options), 1);
  }
  await expect(reading).rejects.toThrow("the caller's own work");
  expect((await take(consumer, 1)).length).toBe(1);
});

test.for(["records", "batches"])("whoever was told that a record cannot be read holds none: %s", async (kind) => {
  const [topic, group] = [freshName("unreadable"), freshName("group")];
  const client = opened();
  await client.producer().send(topic, [
    { value: "{", partition: 0 },
    { value: "1", partition: 0 },
  ]);
  const options = { topics: [topic], group, offsetReset: "earliest", rebalanceTimeoutMs: 300_000 } as const;
  const first = client.consumer({ ...options, value: json() });
  const iterator = (kind === "records" ? first : first.batches())[Symbol.asyncIterator]();
  await expect(iterator.next()).rejects.toMatchObject({ name: "SerializationError" });
  const second = client.consumer(options);
  void take(second, 1);
  // Its partitions can be given to the other at once.
  await eventually(() => first.assignment.length === 2 && second.assignment.length === 2);
});

test("a consumer that is closed while it joins leaves nobody behind", async () => {
  const [topic, group] = [freshName("hasty"), freshName("group")];
  const client = opened();
  await client.admin().createTopics([{ name: topic, partitions: 2 }]);
  const mail = HeldMail.byWebSocket(urlOf());
  const hasty = opened({ transport: mail.transport }).consumer({ topics: [topic], group, groupProtocol: "consumer" });
  mail.hold(consumerGroupHeartbeat.key);
  const reading = take(hasty, 1);
  await eventually(() => mail.held(consumerGroupHeartbeat.key) === 1);
  const closing = hasty.close();
  mail.letGo(consumerGroupHeartbeat.key);
  await Promise.all([closing, reading]);
  expect(await client.admin().describeGroup(group)).toMatchObject({ members: [] });
});

test("an assignment that is brought about when the session has ended already is not taken over", async () => {
  const [topic, group] = [freshName("too-late"), freshName("group")];
  const mail = HeldMail.byWebSocket(urlOf());
  const [late, other] = [opened({ transport: mail.transport, metadataMaxAgeMs: 0 }), opened()];
  await late.producer().send(topic, { value: "0", partition: 0 });
  const options = { topics: [topic], group, groupProtocol: "consumer", offsetReset: "earliest", value: string } as const;
  const assigned: TopicPartition[] = [];
  const first = late.consumer({ ...options, onAssigned: (partitions) => void assigned.push(...partitions) });
  mail.hold(metadata.key);
  void take(first, 1);
  // The assignment is there, and waits for what is known of the topic.
  await eventually(() => first.groupMetadata.generationId > 0 && mail.held(metadata.key) > 0);
  mail.hold(consumerGroupHeartbeat.key);
  const second = other.consumer(options);
  await take(second, 1);
  await eventually(() => second.assignment.length === 4);
  mail.letGo(consumerGroupHeartbeat.key);
  // It is out, joins again, and is given nothing as long as the other has not let go.
  await eventually(async () => (await other.admin().describeGroup(group)).members.length === 2);
  mail.letGo(metadata.key);
  await second.close();
  await eventually(() => assigned.length > 0);
  await eventually(() => first.assignment.length === 4);
  expect(assigned).toHaveLength(4);
}, 30_000);

test("what lies here of paused partitions keeps nothing from the others", async () => {
  const topic = freshName("paused");
  const client = opened();
  await client.admin().createTopics([{ name: topic, partitions: 8 }]);
  const producer = client.producer({ batchBytes: 10_000 });
  const [told, ...busy] = numbers(8).map((partition) => ({ topic, partition: Number(partition), offset: 0 }));
  await producer.send(topic, { value: "pause", partition: 0 });
  for (const { partition } of busy)
    await producer.send(
      topic,
      numbers(200).map(() => ({ value: "x".repeat(1000), partition })),
    );
  const partitions = [told!, ...busy];
  const { transport } = HeldMail.byWebSocket(urlOf());
  let received = 0;
  const open: Transport["open"] = (endpoint, events) =>
    transport.open(endpoint, {
      ...events,
      onBytes(bytes) {
        received += bytes.byteLength;
        events.onBytes(bytes);
      },
    });
  const options = { partitions, prefetchBytes: 200_000, partitionBytes: 100_000, value: string } as const;
  const consumer = opened({ transport: { ...transport, open } }).consumer(options);
  expect((await take(consumer, 1))[0]?.value).toBe("pause");
  // Its budget is used up.
  await eventually(() => received > 175_000);
  consumer.pause(busy);
  await producer.send(topic, { value: "resume", partition: 0 });
  expect((await take(consumer, 1))[0]?.value).toBe("resume");
  consumer.resume();
  const rest = await take(consumer, 7 * 200);
  for (const { partition } of busy)
    expect(rest.filter((each) => each.partition === partition).map(({ offset }) => offset)).toEqual(numbers(200).map(Number));
}, 20_000);
