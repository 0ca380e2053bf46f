/**
 * Kante's own client over WebSocket, with its defaults: a transactional producer, and a member of a consumer group that reads committed
 * records only.
 */
import { type Client, connect, string } from "../../client/client.ts";
import type { Stage } from "./stage.ts";
import { nameOf, padded, placesOf, valueIn } from "./topics.ts";

function opened(stage: Stage): Client {
  class Socket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      const connection = { cut: () => this.close() };
      stage.connections.add(connection);
      this.addEventListener("close", () => stage.connections.delete(connection));
    }
  }
  return connect(`ws://127.0.0.1:${stage.httpPort}/c/default/kafka`, { webSocket: Socket });
}

/** Each failure makes an end of the producer; the next one fences it. */
export async function produceWithOwnClient(stage: Stage, transactionalId: string): Promise<void> {
  const { random } = stage;
  const client = opened(stage);
  let count = 0;
  for (let instance = 0; !stage.isOver; instance++) {
    const stream = `${transactionalId}.${instance}`;
    const producer = client.producer({ transactionalId, value: string });
    try {
      while (!stage.isOver) {
        const transaction = `${stream}.${count++}`;
        const open = await producer.beginTransaction();
        await Promise.all(
          placesOf("ledger")
            .slice(random.between(0, 4))
            .map(async ({ topic, partition }) => {
              const value = `${transaction}.${count++}`;
              stage.record({ kind: "sent", value, partition: nameOf({ topic, partition }), stream, transaction });
              const { offset } = await open.send(topic, { value: padded(value, random), partition });
              stage.record({ kind: "acknowledged", value, offset });
            }),
        );
        const commit = random.chance(0.7);
        stage.record({ kind: "ending", transaction, commit });
        await (commit ? open.commit() : open.abort());
        stage.record({ kind: "ended", transaction, commit });
      }
    } catch {
      await stage.pause();
    }
    await producer.close().catch(() => {});
  }
  await client.close();
}

export async function consumeWithOwnClient(stage: Stage, group: string): Promise<void> {
  const client = opened(stage);
  const isolation = "read_committed";
  while (!stage.isOver) {
    const consumer = client.consumer({ topics: ["ledger"], group, isolation, offsetReset: "earliest", maxWaitMs: 200 });
    const over = setInterval(() => stage.isOver && void consumer.close().catch(() => {}), 100);
    try {
      for await (const { topic, partition, offset, value } of consumer) {
        const found = { partition: nameOf({ topic, partition }), offset, value: valueIn(value) };
        stage.record({ kind: "delivered", reader: group, isolation, ...found });
      }
    } catch {
      await stage.pause();
    }
    clearInterval(over);
    await consumer.close().catch(() => {});
  }
  await client.close();
}
