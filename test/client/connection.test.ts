/** One connection of the client, with a byte stream that the test plays: versions, answers, and how it ends. And how a WebSocket is not overfilled. */
import { expect, test } from "vitest";
import { makeClock } from "../../client/clock.ts";
import { Connection } from "../../client/wire/connection.ts";
import { Metadata } from "../../client/wire/metadata.ts";
import { type WebSocketLike, webSocketTransport } from "../../client/wire/websocket.ts";
import { concatenate, decodeRequest, encodeResponse } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import type { StreamEvents } from "../../client/wire/transport.ts";
import { VirtualTime } from "./virtual-clock.ts";

const allVersions = [metadata, apiVersions].map(({ key, versions: [minVersion, maxVersion] }) => ({
  apiKey: key,
  minVersion,
  maxVersion,
}));

/** A broker that answers ApiVersions as it is told and leaves the rest to the test. */
function play(options: { readonly apiKeys?: typeof allVersions; readonly knowsVersion?: number } = {}) {
  const time = new VirtualTime();
  const cutter = new FrameCutter(1 << 20);
  const asked: { apiKey: number; apiVersion: number; correlationId: number }[] = [];
  let events!: StreamEvents;
  let isClosed = false;
  const answer = (apiVersion: number, correlationId: number, errorCode: number): void => {
    const body = { errorCode, apiKeys: options.apiKeys ?? allVersions };
    queueMicrotask(() => events.onBytes(concatenate(encodeResponse(apiVersions, apiVersion, correlationId, body))));
  };
  const transport = {
    bootstrap: { host: "h", port: 1 },
    open: async (_endpoint: unknown, given: StreamEvents) => {
      events = given;
      return {
        send(chunks: readonly Uint8Array[]) {
          for (const frame of cutter.push(concatenate(chunks))) {
            const request = decodeRequest(frame);
            asked.push(request);
            if (request.apiKey !== apiVersions.key) continue;
            if (request.apiVersion > (options.knowsVersion ?? 4)) answer(0, request.correlationId, 35);
            else answer(request.apiVersion, request.correlationId, 0);
          }
        },
        close: () => {
          isClosed = true;
        },
      };
    },
  };
  const open = async () =>
    await Connection.open({
      transport,
      endpoint: transport.bootstrap,
      clientId: "test",
      clock: makeClock(time),
      requestTimeoutMs: 10_000,
      onClose: () => {},
    });
  return { open, asked, time, events: () => events, isClosed: () => isClosed };
}

test("a broker that does not know this version of ApiVersions is asked in the oldest", async () => {
  const game = play({ knowsVersion: 0 });
  const connection = await game.open();
  expect(game.asked.map(({ apiVersion }) => apiVersion)).toEqual([4, 0]);
  expect(connection.versionOf(metadata)).toBe(metadata.versions[1]);
});

test.for([
  [0, 5, undefined, undefined, 5],
  [0, 99, undefined, undefined, 13],
  [0, 99, undefined, 12, 12],
  [0, 3, 4, undefined, undefined],
  [14, 20, undefined, undefined, undefined],
] as const)(
  "a broker of Metadata %i–%i, wanted from %s to %s: version %s",
  async ([minVersion, maxVersion, min, max, expected]) => {
    const connection = await play({ apiKeys: [{ apiKey: metadata.key, minVersion, maxVersion }] }).open();
    expect(connection.versionOf(metadata, min, max)).toBe(expected);
    if (expected === undefined)
      await expect(connection.call(metadata, {}, { versionMin: min })).rejects.toMatchObject({ code: 35 });
  },
);

test("an answer that does not come ends the connection, and with it whatever else was asked", async () => {
  const game = play();
  const connection = await game.open();
  const [first, second] = [
    connection.call(metadata, { topics: [] }, { timeoutMs: 5000 }),
    connection.call(metadata, { topics: [] }),
  ];
  const ends = Promise.allSettled([first, second]);
  for (let second = 0; second < 6; second++) game.time.step();
  expect((await ends).map((end) => (end.status === "rejected" ? (end.reason as Error).name : "answered"))).toEqual([
    "TimeoutError",
    "NetworkError",
  ]);
  expect(connection.isOpen).toBe(false);
  expect(game.isClosed()).toBe(true);
  expect(game.time.hasTimers).toBe(false);
  await expect(connection.call(metadata, { topics: [] })).rejects.toMatchObject({ name: "NetworkError", retriable: true });
});

test.for([
  ["an answer nobody asked for", concatenate(encodeResponse(metadata, 12, 999, {}))],
  ["a length beyond all measure", Uint8Array.of(0x7f, 0xff, 0xff, 0xff)],
  ["an answer that ends too early", Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 2, 9)],
] as const)("%s ends the connection", async ([, bytes]) => {
  const game = play();
  const connection = await game.open();
  const call = connection.call(metadata, { topics: [] });
  game.events().onBytes(bytes.slice());
  await expect(call).rejects.toMatchObject({ retriable: true });
  expect(connection.isOpen).toBe(false);
});

test("a WebSocket is given a window at a time; what the server has taken makes room, and so does the last answer", async () => {
  const listeners = new Map<string, (event: never) => void>();
  const sent: number[] = [];
  class Socket implements WebSocketLike {
    binaryType = "";
    readonly readyState = 1;
    send(data: Uint8Array): void {
      sent.push(data.byteLength);
    }
    close(): void {}
    addEventListener(type: string, listener: (event: never) => void): void {
      listeners.set(type, listener);
    }
  }
  const transport = webSocketTransport({ url: "https://h/c/x/kafka", webSocket: Socket, openTimeoutMs: 1000 });
  const stream = await transport.open(transport.bootstrap, { onBytes: () => {}, onClose: () => {} });
  const mebibyte = 1024 * 1024;
  const total = (): number => sent.reduce((sum, size) => sum + size, 0) / mebibyte;
  stream.send([new Uint8Array(12 * mebibyte)]);
  expect(total()).toBe(5);
  expect(Math.max(...sent)).toBe(mebibyte);
  listeners.get("message")!({ data: String(2 * mebibyte) } as never);
  expect(total()).toBe(7);
  for (let step = 0; step < 5; step++) listeners.get("message")!({ data: String(mebibyte) } as never);
  expect(total()).toBe(12);
  stream.send([new Uint8Array(mebibyte)]);
  expect(total()).toBe(12);
  listeners.get("message")!({ data: String(mebibyte) } as never);
  expect(total()).toBe(13);
  // A server that slept may have forgotten to tell of the last bytes: that all is answered says the same.
  stream.settled!();
  stream.send([new Uint8Array(5 * mebibyte)]);
  expect(total()).toBe(18);
});

test("a WebSocket that does not open says to which address it was to lead, without what is secret in it", async () => {
  class Refused implements WebSocketLike {
    binaryType = "";
    readonly readyState = 0;
    send(): void {}
    close(): void {}
    addEventListener(type: string, listener: (event: never) => void): void {
      if (type === "close") queueMicrotask(() => listener({ code: 1006, reason: "" } as never));
    }
  }
  const url = "https://user:secret@h.example/c/x/kafkaesque?token=secret";
  const transport = webSocketTransport({ url, webSocket: Refused, openTimeoutMs: 1000 });
  const opening = transport.open(transport.bootstrap, { onBytes: () => {}, onClose: () => {} });
  const why =
    /wss:\/\/h\.example\/c\/x\/kafkaesque \(the path of a cluster is \/c\/<cluster>\/kafka\): the WebSocket was closed \(1006\)$/;
  await expect(opening).rejects.toMatchObject({ name: "NetworkError", retriable: true, message: expect.stringMatching(why) });
  await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining("secret") });
});

test("a refusal that says who leads instead moves the leader, if it is news", () => {
  const known = new Metadata();
  const topic = { errorCode: 0, name: "t", topicId: "11111111-1111-1111-1111-111111111111", isInternal: false };
  const partitions = [{ partitionIndex: 0, leaderId: 1, leaderEpoch: 5, errorCode: 0 }];
  known.update({ brokers: [], controllerId: 1, clusterId: "c", topics: [{ ...topic, partitions }] } as never);
  const endpoint = { nodeId: 2, host: "h", port: 2, rack: null };
  expect(known.moveLeader("t", 0, { leader: 2, leaderEpoch: 5 }, [endpoint])).toBe(false);
  expect(known.moveLeader("t", 0, { leader: -1, leaderEpoch: 9 }, [])).toBe(false);
  expect(known.leaderOf("t", 0)).toBe(1);
  expect(known.moveLeader("t", 0, { leader: 2, leaderEpoch: 6 }, [endpoint])).toBe(true);
  expect([known.leaderOf("t", 0), known.brokers.get(2)]).toEqual([2, endpoint]);
});

test("a service that never answers keeps nobody waiting, and its socket is closed should it come", async () => {
  let answer!: (response: unknown) => void;
  const fetch = async (): Promise<unknown> => await new Promise((resolve) => (answer = resolve));
  const transport = webSocketTransport({ url: "https://kante/c/default/kafka", fetch, openTimeoutMs: 20 });
  const ignored = { onBytes: () => {}, onClose: () => {} };
  await expect(transport.open(transport.bootstrap, ignored)).rejects.toMatchObject({ name: "NetworkError" });
  const closed = new Promise((close) => answer({ status: 101, webSocket: { accept: () => {}, close } }));
  expect(await closed).toBe(1000);
});
