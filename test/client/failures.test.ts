/**
 * What users fear: sockets that are cut in mid-stream, a server that is killed, a tab that was frozen. Nothing acknowledged is lost,
 * nothing is there twice, and nobody has to do anything about it.
 */
import { expect, onTestFinished, test } from "vitest";
import { type Client, type Clock, TransactionAbortedError, connect, string } from "../../client/client.ts";
import { makeClock } from "../../client/clock.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";
import { freePort, freePorts, startKante } from "../clients/kante.ts";
import { eventually, fast, httpPortOf, sharedServer, temporaryFolder } from "../e2e/kante-process.ts";
import { brief, freshName, numbers, often, take } from "./contract-steps.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";
import { HeldMail } from "./held-mail.ts";
import { VirtualTime } from "./virtual-clock.ts";

const running = sharedServer({ args: [...fast, ...often, ...brief] });

const urlOf = (httpPort: number): string => `ws://127.0.0.1:${httpPort}/c/default/kafka`;

function opened(httpPort: number, options: Parameters<typeof connect>[1] = {}): Client {
  const client = connect(urlOf(httpPort), {
    reconnectBackoffMs: [20, 200],
    retryBackoffMs: [20, 200],
    ...options,
  });
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

/** Sends numbers one after the other to one partition, several at a time under way, and counts what is acknowledged. */
function stream(client: Client, topic: string, total: number) {
  const producer = client.producer({ batchBytes: 400 });
  const progress = { acknowledged: 0 };
  const done = (async () => {
    const sent = [];
    for (const value of numbers(total)) {
      sent.push(producer.send(topic, { value, partition: 0 }).then(() => (progress.acknowledged += 1)));
      if (sent.length % 20 === 0) await sent.at(-10);
    }
    await Promise.all(sent);
  })();
  return { progress, done };
}

test("sockets cut again and again: everything is in the log once and in order, and readers see it so", async () => {
  const proxy = await startCuttingProxy(httpPortOf(running()));
  onTestFinished(() => proxy.stop());
  const client = opened(proxy.port);
  const topic = freshName("cut");
  await client.admin().createTopics([{ name: topic, partitions: 1 }]);
  const consumer = client.consumer({ topics: [topic], offsetReset: "earliest", value: string });
  const reading = take(consumer, 1500);
  const { progress, done } = stream(client, topic, 1500);
  for (let cut = 1; cut <= 8; cut++) {
    await eventually(() => progress.acknowledged >= cut * 150);
    proxy.cut();
  }
  await done;
  expect((await reading).map(({ value }) => value)).toEqual(numbers(1500));
  expect((await client.admin().listOffsets([{ topic, partition: 0 }], "latest"))[0]).toMatchObject({ offset: 1500 });
});

test("[I7] the server is killed and comes back in mid-stream: nothing acknowledged is lost, nothing is there twice", async () => {
  const data = temporaryFolder();
  const ports = { kafkaPort: await freePorts(1), httpPort: await freePort() };
  let server = await startKante({ data, ...ports, args: fast });
  onTestFinished(() => server.stop("SIGKILL"));
  const client = opened(ports.httpPort);
  const topic = freshName("killed");
  await client.admin().createTopics([{ name: topic, partitions: 1 }]);
  const group = freshName("group");
  const plain = take(client.consumer({ topics: [topic], offsetReset: "earliest", value: string }), 1000);
  const member = take(
    client.consumer({ topics: [topic], group, offsetReset: "earliest", value: string, autoCommitIntervalMs: 50 }),
    1000,
  );
  const { progress, done } = stream(client, topic, 1000);
  for (let kill = 1; kill <= 2; kill++) {
    await eventually(() => progress.acknowledged >= kill * 250);
    await server.stop("SIGKILL");
    server = await startKante({ data, ...ports, args: fast });
  }
  await done;
  expect((await plain).map(({ value }) => value)).toEqual(numbers(1000));
  // In memory it goes on where it was; had it been given the partition anew, it would have begun at its last commit.
  expect(new Set((await member).map(({ value }) => value)).size).toBeGreaterThan(900);
}, 60_000);

test("transactions under cut sockets: each is there as a whole or not at all", async () => {
  const proxy = await startCuttingProxy(httpPortOf(running()));
  onTestFinished(() => proxy.stop());
  const client = opened(proxy.port);
  const topic = freshName("tx-cut");
  await client.admin().createTopics([{ name: topic, partitions: 2 }]);
  const producer = client.producer({ transactionalId: topic });
  const committed: string[] = [];
  for (const value of numbers(12)) {
    const work = producer.transaction(async (transaction) => {
      await transaction.send(
        topic,
        [0, 1].map((partition) => ({ value, partition })),
      );
      if (Number(value) % 3 === 1) proxy.cut();
      if (Number(value) % 4 === 3) throw new Error("no");
    });
    await work.then(
      () => committed.push(value),
      () => {},
    );
  }
  expect(committed.length).toBe(9);
  const records = await take(client.consumer({ topics: [topic], offsetReset: "earliest", value: string }), committed.length * 2);
  for (const partition of [0, 1])
    expect(records.filter((each) => each.partition === partition).map(({ value }) => value)).toEqual(committed);
});

test("offsets on their way into a transaction when it is aborted go with it, and the producer goes on", async () => {
  const [topic, group] = [freshName("offsets-late"), freshName("group")];
  const mail = HeldMail.byWebSocket(urlOf(httpPortOf(running())));
  const [client, other] = [opened(0, { transport: mail.transport }), opened(httpPortOf(running()))];
  const producer = client.producer({ transactionalId: topic });
  const transaction = await producer.beginTransaction();
  await transaction.send(topic, { value: "aborted", partition: 0 });
  mail.hold(txnOffsetCommit.key);
  transaction.commitOffsets([{ topic, partition: 0, offset: 7 }], group).catch(() => {});
  await eventually(() => mail.held(txnOffsetCommit.key) === 1);
  const aborting = transaction.abort();
  // Whoever did not wait for them would be done by now.
  for (let turn = 0; turn < 5; turn++) await other.admin().describeCluster();
  mail.letGo(txnOffsetCommit.key);
  await aborting;
  await producer.transaction(async (next) => {
    void next.send(topic, { value: "committed", partition: 0 });
    // A commit waits for them too.
    void next.commitOffsets([{ topic, partition: 0, offset: 9 }], group);
  });
  expect(await other.admin().groupOffsets(group)).toEqual([{ topic, partition: 0, offset: 9 }]);
});

test("a commit whose waiting was ended can be waited for again", async () => {
  const topic = freshName("commit-again");
  const mail = HeldMail.byWebSocket(urlOf(httpPortOf(running())));
  const producer = opened(0, { transport: mail.transport }).producer({ transactionalId: topic });
  const transaction = await producer.beginTransaction();
  await transaction.send(topic, { value: "x", partition: 0 });
  mail.hold(endTxn.key);
  const controller = new AbortController();
  const first = transaction.commit({ signal: controller.signal });
  first.catch(() => {});
  await eventually(() => mail.held(endTxn.key) === 1);
  controller.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  const second = transaction.commit();
  mail.letGo(endTxn.key);
  await second;
  await expect(transaction.commit()).rejects.toThrow("over");
});

test("what is being committed cannot be aborted any more, and what is being aborted is not committed", async () => {
  const topic = freshName("too-late");
  const mail = HeldMail.byWebSocket(urlOf(httpPortOf(running())));
  const producer = opened(0, { transport: mail.transport }).producer({ transactionalId: topic });
  const first = await producer.beginTransaction();
  await first.send(topic, { value: "committed", partition: 0 });
  mail.hold(endTxn.key);
  const committing = first.commit();
  await eventually(() => mail.held(endTxn.key) === 1);
  await expect(first.abort()).rejects.toThrow("too late");
  const disposing = first[Symbol.asyncDispose]();
  mail.letGo(endTxn.key);
  await Promise.all([committing, disposing]);
  const second = await producer.beginTransaction();
  await second.send(topic, { value: "aborted", partition: 0 });
  const aborting = second.abort();
  await expect(second.commit()).rejects.toThrow("over");
  await aborting;
  const third = await producer.beginTransaction();
  await third.send(topic, { value: "aborted", partition: 0 });
  // The commit waits for what was sent; the abort comes before it has told the coordinator.
  const tooEarly = third.commit().catch((error: unknown) => error);
  await third.abort();
  expect(await tooEarly).toBeInstanceOf(TransactionAbortedError);
  await producer.transaction(async (last) => await last.send(topic, { value: "last", partition: 0 }));
  const consumer = opened(httpPortOf(running())).consumer({ topics: [topic], offsetReset: "earliest", value: string });
  expect((await take(consumer, 2)).map(({ value }) => value)).toEqual(["committed", "last"]);
});

test("after an abort that could not be told to the coordinator the next transaction begins, and the last is no part of it", async () => {
  const topic = freshName("abort-lost");
  const mail = HeldMail.byWebSocket(urlOf(httpPortOf(running())));
  const client = opened(0, { transport: mail.transport, requestTimeoutMs: 200, operationTimeoutMs: 200 });
  const producer = client.producer({ transactionalId: topic });
  mail.hold(endTxn.key);
  const failed = producer.transaction(async (transaction) => {
    await transaction.send(topic, { value: "aborted", partition: 0 });
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  mail.letGo(endTxn.key);
  await producer.transaction(async (transaction) => await transaction.send(topic, { value: "committed", partition: 0 }));
  const consumer = opened(httpPortOf(running())).consumer({ topics: [topic], offsetReset: "earliest", value: string });
  expect((await take(consumer, 1))[0]?.value).toBe("committed");
});

/** Real time, but timers can be held back, as in a tab that is frozen. */
function freezable(): { clock: Clock; freeze: () => void; thaw: () => void } {
  const real = makeClock();
  let held: (() => void)[] | undefined;
  const clock = makeClock({
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, work) => {
      let isCancelled = false;
      const cancel = real.after(ms, () => {
        if (isCancelled) return;
        if (held === undefined) work();
        else held.push(() => void (isCancelled || work()));
      });
      return () => {
        isCancelled = true;
        cancel();
      };
    },
  });
  return {
    clock,
    freeze: () => (held ??= []),
    thaw() {
      const late = held ?? [];
      held = undefined;
      for (const work of late) work();
    },
  };
}

test("a member that was frozen until its session ended loses its partitions, joins again and goes on", async () => {
  const [topic, group] = [freshName("frozen"), freshName("group")];
  const { clock, freeze, thaw } = freezable();
  const [frozen, other] = [opened(httpPortOf(running()), { clock }), opened(httpPortOf(running()))];
  await other.admin().createTopics([{ name: topic, partitions: 2 }]);
  const log: string[] = [];
  const options = {
    topics: [topic],
    group,
    groupProtocol: "classic",
    offsetReset: "earliest",
    value: string,
    sessionTimeoutMs: 400,
    heartbeatIntervalMs: 50,
  } as const;
  const first = frozen.consumer({
    ...options,
    onAssigned: (partitions) => void log.push(`assigned ${partitions.length}`),
    onRevoked: (partitions) => void log.push(`revoked ${partitions.length}`),
    onLost: (partitions) => void log.push(`lost ${partitions.length}`),
  });
  const second = other.consumer(options);
  const read: string[] = [];
  const run = async (consumer: typeof first) => {
    for await (const { value } of consumer) read.push(value!);
  };
  const running_ = [run(first)];
  await eventually(() => first.assignment.length === 2);
  freeze();
  running_.push(run(second));
  await eventually(() => second.assignment.length === 2);
  thaw();
  await eventually(() => first.assignment.length === 1 && second.assignment.length === 1);
  expect(log[0]).toBe("assigned 2");
  expect(log).toContain("lost 2");
  await other.producer().send(
    topic,
    numbers(20).map((value) => ({ value, partition: Number(value) % 2 })),
  );
  await eventually(() => read.length >= 20);
  await Promise.all([first.close(), second.close(), ...running_]);
  expect(read.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(20));
});

test("a commit on its way while its member is expelled and joins again is not repeated: others have committed since", async () => {
  const [topic, group] = [freshName("late"), freshName("group")];
  const mail = HeldMail.byWebSocket(urlOf(httpPortOf(running())));
  const [late, other] = [opened(httpPortOf(running()), { transport: mail.transport }), opened(httpPortOf(running()))];
  await other.admin().createTopics([{ name: topic, partitions: 1 }]);
  await other.producer().send(
    topic,
    numbers(10).map((value) => ({ value })),
  );
  const options = { topics: [topic], group, groupProtocol: "consumer", offsetReset: "earliest", autoCommit: false } as const;
  let lost = 0;
  const first = late.consumer({ ...options, onLost: (partitions) => void (lost += partitions.length) });
  await take(first, 3);
  mail.hold(offsetCommit.key, consumerGroupHeartbeat.key);
  const commit = first.commit().catch((error: unknown) => error);
  const second = other.consumer(options);
  await take(second, 10);
  await second.commit();
  mail.letGo(consumerGroupHeartbeat.key);
  await eventually(() => lost === 1 && first.groupMetadata.generationId > 0);
  mail.letGo(offsetCommit.key);
  expect(await commit).toMatchObject({ code: errorCodes.UNKNOWN_MEMBER_ID });
  expect(await second.committed()).toEqual([{ topic, partition: 0, offset: 10 }]);
}, 30_000);

test("a member whose caller asks for nothing leaves the group, and is back when it asks", async () => {
  const [topic, group] = [freshName("lazy"), freshName("group")];
  const time = new VirtualTime();
  const real = makeClock();
  const clocked = { now: () => Date.now(), random: () => 0.5 };
  // Only the patience with the caller is the test's to end.
  const clock = makeClock({ ...clocked, after: (ms, work) => (ms === 123_456 ? time.after(ms, work) : real.after(ms, work)) });
  const client = opened(httpPortOf(running()), { clock });
  await client.producer().send(
    topic,
    numbers(3).map((value) => ({ value, partition: 0 })),
  );
  const consumer = client.consumer({
    topics: [topic],
    group,
    offsetReset: "earliest",
    value: string,
    maxPollIntervalMs: 123_456,
    autoCommitIntervalMs: 10,
  });
  expect((await take(consumer, 1))[0]?.value).toBe("0");
  time.step();
  expect(consumer.assignment.length).toBe(4);
  time.step();
  await eventually(async () => consumer.assignment.length === 0 && (await client.admin().describeGroup(group)).state === "Empty");
  expect((await take(consumer, 1))[0]?.value).toBe("0");
  expect(consumer.assignment.length).toBe(4);
});
