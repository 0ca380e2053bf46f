/**
 * Brokers of before KIP-890 and KIP-848: partitions are added to transactions first, groups are classic, requests carry names instead of
 * ids. Kante is made to look like one by what it says about itself when a connection begins.
 */
import { expect, onTestFinished, test } from "vitest";
import { type Client, type Transport, connect, string } from "../../client/client.ts";
import { concatenate, decodeResponse, encodeResponse } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { eventually, fast, sharedServer } from "../e2e/kante-process.ts";
import { freshName, numbers, take } from "./contract-steps.ts";
import { HeldMail } from "./held-mail.ts";
import { tcpTransport } from "../../client/tcp.ts";

const running = sharedServer({ args: fast });

/** The newest version of each API in Kafka 2.4. */
const newest: Readonly<Record<number, number>> = {
  0: 8,
  1: 11,
  2: 5,
  3: 9,
  8: 8,
  9: 6,
  10: 3,
  11: 6,
  12: 4,
  13: 4,
  14: 4,
  18: 3,
  22: 2,
  24: 1,
  25: 1,
  26: 1,
  28: 2,
};

/** The first answer of a connection is that to ApiVersions. */
function older(transport: Transport): Transport {
  return {
    bootstrap: transport.bootstrap,
    open(endpoint, events) {
      const cutter = new FrameCutter(1 << 20);
      let isFirst = true;
      const onBytes = (bytes: Uint8Array): void => {
        if (!isFirst) return events.onBytes(bytes);
        const [frame] = cutter.push(bytes);
        if (frame === undefined) return;
        isFirst = false;
        const { correlationId, body } = decodeResponse(apiVersions, 4, frame);
        const apiKeys = body.apiKeys.flatMap(({ apiKey, minVersion, maxVersion }) =>
          apiKey in newest ? [{ apiKey, minVersion, maxVersion: Math.min(maxVersion, newest[apiKey]!) }] : [],
        );
        events.onBytes(concatenate(encodeResponse(apiVersions, 4, correlationId, { apiKeys })));
      };
      return transport.open(endpoint, { ...events, onBytes });
    },
  };
}

function open(transport = older(tcpTransport(running().bootstrap))): Client {
  const client = connect("", { transport });
  onTestFinished(() => client.close());
  return client;
}

test("records go and come, in groups of the classic protocol", async () => {
  const client = open();
  const [topic, group] = [freshName("older"), freshName("group")];
  await client.producer({ compression: "lz4" }).send(
    topic,
    numbers(50).map((value) => ({ value, partition: 0 })),
  );
  const consumer = client.consumer({ topics: [topic], group, offsetReset: "earliest", value: string });
  expect((await take(consumer, 50)).map(({ value }) => value)).toEqual(numbers(50));
  await consumer.commit();
  expect(await consumer.committed([{ topic, partition: 0 }])).toEqual([{ topic, partition: 0, offset: 50 }]);
});

test("transactions: partitions and offsets are added first; what is aborted is not read", async () => {
  const client = open();
  const [topic, group] = [freshName("older-tx"), freshName("group")];
  const producer = client.producer({ transactionalId: topic });
  for (const value of numbers(6)) {
    const work = producer.transaction(async (transaction) => {
      void transaction.send(topic, { value, partition: 0 });
      await transaction.send(topic, { value, partition: 1 });
      await transaction.commitOffsets([{ topic, partition: 0, offset: Number(value) + 1 }], group);
      if (value === "2" || value === "5") throw new Error("no");
    });
    await work.catch(() => {});
  }
  const consumer = client.consumer({ topics: [topic], group: freshName("other"), offsetReset: "earliest", value: string });
  const values = (await take(consumer, 8)).filter(({ partition }) => partition === 1).map(({ value }) => value);
  expect(values).toEqual(["0", "1", "3", "4"]);
  expect(await client.admin().groupOffsets(group)).toEqual([{ topic, partition: 0, offset: 5 }]);
});

test("what is being added to a transaction when it is aborted is waited for, and the producer goes on", async () => {
  const mail = new HeldMail(older(tcpTransport(running().bootstrap)));
  const topic = freshName("added-late");
  const other = open();
  const producer = open(mail.transport).producer({ transactionalId: topic });
  const transaction = await producer.beginTransaction();
  mail.hold(addPartitionsToTxn.key);
  transaction.send(topic, { value: "aborted", partition: 0 }).catch(() => {});
  await eventually(() => mail.held(addPartitionsToTxn.key) === 1);
  const aborting = transaction.abort();
  // Whoever did not wait for it would be done by now.
  for (let turn = 0; turn < 5; turn++) await other.admin().listTopics();
  mail.letGo(addPartitionsToTxn.key);
  await aborting;
  await producer.transaction(async (next) => await next.send(topic, { value: "committed", partition: 0 }));
  const consumer = other.consumer({ topics: [topic], offsetReset: "earliest", value: string });
  expect((await take(consumer, 1))[0]?.value).toBe("committed");
});

test("what the broker cannot do is said so", async () => {
  await expect(open().admin().listTransactions()).rejects.toMatchObject({ name: "UnsupportedVersionError", code: 35 });
});
