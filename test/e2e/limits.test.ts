/** Floods: more than a broker can hold, at a store that is slow. Memory stays within its budget and nothing acknowledged is lost. */
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { LoadConnection, pipeline } from "../../bench/load/load-connection.ts";
import { batchOf, checkFetched, checkProduced, createTopic, fetchRequest, produceRequest } from "../../bench/load/requests.ts";
import { concatenate, encodeRequest } from "../../protocol/codec.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { startBridge } from "../clients/kante.ts";
import { eventually, httpPortOf, portOf, server, temporaryFolder } from "./kante-process.ts";

const MiB = 1024 * 1024;
const producers = 10;
const requestsEach = 20;

async function memoryBytes(httpUrl: string): Promise<number> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  return [...text.matchAll(/^kante_memory_bytes\{.*\} (?<bytes>\d+)$/gm)].reduce(
    (sum, match) => sum + Number(match.groups?.["bytes"]),
    0,
  );
}

describe.each(["tcp", "bridge"])("over %s", (way) => {
  test(
    "[I8] a flood of 200 MiB from ten producers at 1 s per PUT stays within the budget and loses nothing",
    { timeout: 120_000 },
    async () => {
      const running = await server({ data: temporaryFolder(), args: ["--put-delay-ms", "1000"] });
      const bridge = way === "bridge" ? await startBridge(running.httpUrl) : undefined;
      if (bridge !== undefined) onTestFinished(() => bridge.stop());
      const port = portOf(bridge ?? running);
      await createTopic(portOf(running), "flood", producers);
      const batch = batchOf({ recordBytes: 1024, records: 970 });

      let most = 0;
      let isOver = false;
      const watching = eventually(async () => {
        most = Math.max(most, await memoryBytes(running.httpUrl));
        return isOver;
      });
      await Promise.all(
        Array.from({ length: producers }, async (_, partition) => {
          const connection = await LoadConnection.open({ port });
          const request = produceRequest("flood", new Map([[partition, batch]]));
          await pipeline(requestsEach, requestsEach, async () => checkProduced((await connection.send(request)).head));
          connection.close();
        }),
      );
      isOver = true;
      await watching;
      expect(most).toBeGreaterThan(16 * MiB);
      expect(most).toBeLessThanOrEqual((64 + producers) * MiB);

      const reader = await LoadConnection.open({ port: portOf(running), headBytesMax: 64 * MiB });
      onTestFinished(() => reader.close());
      for (let partition = 0; partition < producers; partition++) {
        const request = fetchRequest({
          topic: "flood",
          partitions: [partition],
          offset: requestsEach * 970 - 1,
          maxWaitMs: 100,
          partitionMaxBytes: MiB,
        });
        const { recordBytes, highWatermark } = checkFetched((await reader.send(request)).head);
        expect(highWatermark).toBe(requestsEach * 970);
        expect(recordBytes).toBe(batch.byteLength);
      }
    },
  );
});

test("[I9] a client that sends nonsense is closed, and another one on the same broker does not notice", async () => {
  const running = await server({ data: temporaryFolder() });
  await createTopic(portOf(running), "steady", 1);
  const request = produceRequest("steady", new Map([[0, batchOf({ recordBytes: 100, records: 1 })]]));
  const steady = await LoadConnection.open({ port: portOf(running) });
  onTestFinished(() => steady.close());
  for (const [index, nonsense] of [
    [255, 255, 255, 255],
    [0, 0, 0, 2, 1, 1],
    [127, 255, 255, 255, 0],
    [71, 69, 84, 32, 47],
  ].entries()) {
    const bad = await LoadConnection.open({ port: portOf(running) });
    await expect(bad.send(Uint8Array.from(nonsense))).rejects.toThrow(/closed|ECONNRESET/);
    const webSocket = new WebSocket(`ws://127.0.0.1:${httpPortOf(running)}/c/default/kafka`, ["kafka"]);
    webSocket.onopen = () => webSocket.send(Uint8Array.from(nonsense));
    const closed = await new Promise<CloseEvent>((resolve) => (webSocket.onclose = resolve));
    expect(closed.code).toBe(1008);
    expect(checkProduced((await steady.send(request)).head)).toBe(index);
  }
});

test("[I9] the method CONNECT at the HTTP port leads to no broker", async () => {
  const running = await server({ data: temporaryFolder() });
  const socket = connect(httpPortOf(running), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const answers: Buffer[] = [];
  socket.on("data", (bytes) => answers.push(bytes));
  socket.write("CONNECT kafka:9092 HTTP/1.1\r\nHost: kafka:9092\r\n\r\n");
  socket.once("data", () => socket.write(concatenate(encodeRequest(apiVersions, 0, 7, null, {}))));
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  expect(Buffer.concat(answers).toString("latin1")).toMatch(/^HTTP\/1\.1 \d+ [^]*\r\n\r\n$/);
});

test("a TCP connection that nobody uses is closed in the end", async () => {
  const running = await server({ data: temporaryFolder(), args: ["--set", "connections.max.idle.ms=100"] });
  const socket = connect(portOf(running), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once("end", resolve);
    socket.once("error", reject);
    socket.resume();
  });
});
