/** The bridge between a TCP client and a WebSocket server that the test plays: every byte, nothing but bytes, and never too many. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { startBridge } from "../../bridge/bridge.ts";
import { isReadAlong } from "../../bridge/tunnel.ts";
import { freePort } from "../clients/kante.ts";

const MiB = 1024 * 1024;

interface Accepted {
  readonly socket: WebSocket;
  readonly url: URL;
  readonly protocol: string;
  readonly received: Buffer[];
  /** As they came: frames with their heads. */
  readonly raw: Buffer[];
}

class FakeCluster {
  readonly accepted: Accepted[] = [];
  readonly #server: WebSocketServer;
  readonly #waiting: (() => void)[] = [];

  constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket: WebSocket, request: IncomingMessage) => {
      const accepted: Accepted = {
        socket,
        url: new URL(request.url ?? "", "ws://x"),
        protocol: socket.protocol,
        received: [],
        raw: [],
      };
      request.socket.on("data", (chunk: Buffer) => accepted.raw.push(chunk));
      socket.on("message", (data: Buffer) => {
        accepted.received.push(data);
        this.#wake();
      });
      socket.on("close", () => this.#wake());
      this.accepted.push(accepted);
      this.#wake();
    });
  }

  static async start(): Promise<FakeCluster> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "kafka" });
    await once(server, "listening");
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return new FakeCluster(server);
  }

  get url(): URL {
    return new URL(`ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/c/default/kafka`);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Looks again after everything that happens here. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The connection of a client: the first one was the bridge trying whether there is a server. */
  async client(index = 0): Promise<Accepted> {
    await this.until(() => this.accepted.length > index + 1);
    return this.accepted[index + 1]!;
  }
}

async function bridged(cluster: FakeCluster, problems: string[] = []): Promise<{ port: number; client: Socket }> {
  const port = await freePort();
  const bridge = await startBridge({
    url: cluster.url,
    host: "127.0.0.1",
    port,
    brokers: 1,
    advertisedHost: "kafka.test",
    onProblem: (problem) => problems.push(problem),
  });
  onTestFinished(() => bridge.close());
  const client = connect(port, "127.0.0.1");
  onTestFinished(() => void client.destroy());
  await once(client, "connect");
  return { port, client };
}

function bytesOf({ received }: Accepted): number {
  return received.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Turns of the event loop in which nothing more arrives: what was not sent by now waits for something. */
async function quiet(measure: () => number): Promise<number> {
  let last = -1;
  for (let still = 0; still < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = measure();
    still = now === last ? still + 1 : 0;
    last = now;
  }
  return last;
}

test("[D2] the server is told the node and the address that clients use, and is spoken to in the subprotocol kafka", async () => {
  const cluster = await FakeCluster.start();
  const { port } = await bridged(cluster);
  const { url, protocol } = await cluster.client();
  expect(Object.fromEntries(url.searchParams)).toEqual({ node: "0", host: "kafka.test", port: String(port), flow: "1" });
  expect(protocol).toBe("kafka");
});

test("where no proxy can read along the mask is zeros: nobody has to go through the bytes", async () => {
  const cluster = await FakeCluster.start();
  const { client } = await bridged(cluster);
  const server = await cluster.client();
  client.write("ten bytes.");
  await cluster.until(() => server.received.length === 1);
  expect(Buffer.concat(server.raw)).toEqual(Buffer.from("\x82\x8a\0\0\0\0ten bytes.", "latin1"));
  const readAlong = ["ws://kante.test/c/x/kafka", "ws://10.0.0.1:8787/c/x/kafka"];
  const unread = ["wss://kante.test/c/x/kafka", "ws://localhost:8787/c/x/kafka", "ws://[::1]:8787/c/x/kafka"];
  expect([...readAlong, ...unread].filter((url) => isReadAlong(new URL(url)))).toEqual(readAlong);
});

test("[D1] every byte arrives in order, in messages of at most 1 MiB", async () => {
  const cluster = await FakeCluster.start();
  const { client } = await bridged(cluster);
  const server = await cluster.client();
  const bytes = Buffer.from(Array.from({ length: 3 * MiB }, (_, index) => (index * 31 + (index >> 8)) & 255));
  server.socket.on("message", (data: Buffer) => server.socket.send(String(data.byteLength)));
  client.write(bytes);
  await cluster.until(() => bytesOf(server) >= bytes.byteLength);
  expect(Buffer.concat(server.received).equals(bytes)).toBe(true);
  expect(Math.max(...server.received.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(MiB);
});

test("text messages never reach the client", async () => {
  const cluster = await FakeCluster.start();
  const { client } = await bridged(cluster);
  const server = await cluster.client();
  server.socket.send("1000");
  server.socket.send(Buffer.from("bytes"));
  const [data] = (await once(client, "data")) as [Buffer];
  expect(data.toString()).toBe("bytes");
});

test("[I8] a server that takes nothing is not sent more than the window, and all the rest once it has taken", async () => {
  const cluster = await FakeCluster.start();
  const { client } = await bridged(cluster);
  const server = await cluster.client();
  const total = 16 * MiB;
  client.write(Buffer.alloc(total));
  const sent = await quiet(() => bytesOf(server));
  expect(sent).toBeGreaterThan(MiB);
  expect(sent).toBeLessThan(4 * MiB);
  server.socket.on("message", (data: Buffer) => server.socket.send(String(data.byteLength)));
  server.socket.send(String(sent));
  await cluster.until(() => bytesOf(server) >= total);
});

test("a client that reads nothing holds the server up, and gets everything when it reads", async () => {
  const cluster = await FakeCluster.start();
  const { client } = await bridged(cluster);
  const server = await cluster.client();
  client.pause();
  const total = 64 * MiB;
  for (let at = 0; at < total; at += MiB) server.socket.send(Buffer.alloc(MiB));
  expect(await quiet(() => server.socket.bufferedAmount)).toBeGreaterThan(32 * MiB);
  let received = 0;
  const all = new Promise<void>((resolve) => {
    client.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
      if (received === total) resolve();
    });
  });
  client.resume();
  await all;
});

test("a client that reads nothing for long is kept: answers to pings lie behind the bytes that it does not take", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const cluster = await FakeCluster.start();
  const problems: string[] = [];
  const { client } = await bridged(cluster, problems);
  const server = await cluster.client();
  client.pause();
  const total = 64 * MiB;
  for (let at = 0; at < total; at += MiB) server.socket.send(Buffer.alloc(MiB));
  await quiet(() => server.socket.bufferedAmount);
  for (let minute = 0; minute < 5; minute++) {
    vi.advanceTimersByTime(60_000);
    await quiet(() => server.socket.bufferedAmount);
  }
  expect(problems).toEqual([]);
  expect(server.socket.readyState).toBe(server.socket.OPEN);
});

describe("when one side ends, the other ends too", () => {
  test("the client", async () => {
    const cluster = await FakeCluster.start();
    const { client } = await bridged(cluster);
    const server = await cluster.client();
    client.end(Buffer.from("last words"));
    await cluster.until(() => server.socket.readyState === server.socket.CLOSED);
    expect(Buffer.concat(server.received).toString()).toBe("last words");
  });

  test.each([
    ["closes in peace", (socket: WebSocket) => socket.close(1000), []],
    [
      "closes with a reason",
      (socket: WebSocket) => socket.close(1013, "too much"),
      ["the server closed the connection (1013: too much)"],
    ],
    ["is gone", (socket: WebSocket) => socket.terminate(), ["the server closed the connection (1006)"]],
  ])("a server that %s", async (_title, end, expected) => {
    const cluster = await FakeCluster.start();
    const problems: string[] = [];
    const { client } = await bridged(cluster, problems);
    client.resume();
    client.on("error", () => {});
    const { socket } = await cluster.client();
    end(socket);
    await once(client, "close");
    expect(problems).toEqual(expected);
  });
});

describe("the bridge does not start", () => {
  const options = { host: "127.0.0.1", brokers: 1, advertisedHost: "127.0.0.1", onProblem: () => {} };

  test("when nobody answers", async () => {
    const url = new URL(`ws://127.0.0.1:${await freePort()}/`);
    await expect(startBridge({ ...options, url, port: await freePort() })).rejects.toThrow(
      /cannot reach the server: .*ECONNREFUSED/,
    );
  });

  test("when the server refuses, whose words it passes on", async () => {
    const server = createServer((_request, response) => response.writeHead(403).end("not for you\nmore"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await expect(startBridge({ ...options, url, port: await freePort() })).rejects.toThrow("the server answered 403: not for you");
  });

  test("when a port is taken; then none stays open", async () => {
    const cluster = await FakeCluster.start();
    const { port: taken } = await bridged(cluster);
    await expect(startBridge({ ...options, url: cluster.url, port: taken - 1, brokers: 2 })).rejects.toThrow(/EADDRINUSE/);
    const again = await startBridge({ ...options, url: cluster.url, port: taken - 1, brokers: 1 });
    await again.close();
  });
});
