/** Stock JavaScript clients against the real server: what was acknowledged is there, whatever happened to the server in between. */
import { Kafka, logLevel, type RecordMetadata } from "kafkajs";
import { describe, expect, onTestFinished, test } from "vitest";
import { startBridge } from "../clients/kante.ts";
import { eventually, fast, httpPortOf, portOf, server, temporaryFolder } from "./kante-process.ts";

function client(bootstrap: string): Kafka {
  return new Kafka({
    clientId: "e2e",
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 8, initialRetryTime: 50 },
  });
}

async function produce(bootstrap: string, topic: string, values: readonly string[]): Promise<readonly RecordMetadata[]> {
  const producer = client(bootstrap).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const result = await producer.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) });
  await producer.disconnect();
  return result;
}

/** Reads until so many values have come. */
async function consume(bootstrap: string, topic: string, count: number): Promise<string[]> {
  const consumer = client(bootstrap).consumer({ groupId: `group-${topic}-${Math.random()}`, maxWaitTimeInMs: 100 });
  onTestFinished(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const values: string[] = [];
  await consumer.run({ eachMessage: async ({ message }) => void values.push(message.value?.toString() ?? "") });
  await eventually(() => values.length >= count);
  return values;
}

describe.each(["disk", "r2"])("store %s", (store) => {
  test.each(["SIGTERM", "SIGKILL"] as const)("[I7] records, topics and offsets survive %s", async (signal) => {
    const data = temporaryFolder();
    const args = ["--store", store, ...fast];
    const first = await server({ data, args });
    const small = ["one", "two", "three"];
    const large = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(1024, "x"));
    await produce(first.bootstrap, "kept", small);
    await produce(first.bootstrap, "kept", large);
    await first.stop(signal);
    const second = await server({ data, args, kafkaPort: portOf(first), httpPort: httpPortOf(first) });
    expect(await consume(second.bootstrap, "kept", 303)).toEqual([...small, ...large]);
    const [next] = await produce(second.bootstrap, "kept", ["after"]);
    expect(next?.baseOffset).toBe("303");
  });
});

test("[D10] a consumer on one broker gets what came in through another", async () => {
  const running = await server({ data: temporaryFolder(), brokers: 2, args: fast });
  const second = `127.0.0.1:${portOf(running) + 1}`;
  await produce(running.bootstrap, "shared", ["a"]);
  expect(await consume(second, "shared", 1)).toEqual(["a"]);
});

test("a client behind the bridge produces and consumes", async () => {
  const running = await server({ data: temporaryFolder(), args: fast });
  const bridge = await startBridge(running.httpUrl);
  onTestFinished(() => bridge.stop());
  const values = Array.from({ length: 2400 }, (_, index) => `${index} `.padEnd(1024, "x"));
  for (let from = 0; from < values.length; from += 800) await produce(bridge.bootstrap, "bridged", values.slice(from, from + 800));
  expect(await consume(bridge.bootstrap, "bridged", values.length)).toEqual(values);
});

test("health, metrics and clear refusals over HTTP", async () => {
  const running = await server({ data: temporaryFolder() });
  await produce(running.bootstrap, "counted", ["x"]);
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(running.httpUrl + path);
    return [response.status, await response.text()];
  };
  expect(await get("/health")).toEqual([200, '{"status":"ok"}']);
  const [status, metrics] = await get("/metrics");
  expect(status).toBe(200);
  expect(metrics).toMatch(/^kante_requests_total\{api="Produce"\} 1$/m);
  expect(metrics).toMatch(/^kante_request_seconds_bucket\{api="Produce",le="\+Inf"\} 1$/m);
  expect((await get("/nothing"))[0]).toBe(404);
  expect((await get("/c/default/kafka"))[0]).toBe(426);
});
