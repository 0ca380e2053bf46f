/** How a WebSocket ends, with a socket and a connection that the test plays; the rest is tested in the runtime. */
import { describe, expect, test } from "vitest";
import type { Connection } from "../../durable-objects/connection.ts";
import type { Transport } from "../../durable-objects/transport.ts";
import { UnfinishedFrames } from "../../durable-objects/unfinished-frames.ts";
import { WebSocketFronts } from "../../durable-objects/websocket-front.ts";
import { facts } from "../front-ends/harness.ts";

function opened() {
  const log: string[] = [];
  const connection = {
    waitingBytes: 0,
    isQuiet: true,
    get hasRoom() {
      return connection.waitingBytes === 0;
    },
    receive: () => {},
    end: () => {
      log.push("end");
      transports[0]!.onRoom();
    },
  };
  const socket = {
    readyState: WebSocket.OPEN,
    deserializeAttachment: () => ({ facts, tellsTaken: false }),
    serializeAttachment: () => {},
    send: (message: Uint8Array) => log.push(`message ${[...message].join(" ")}`),
    close: (code: number) => {
      log.push(`close ${code}`);
      socket.readyState = WebSocket.CLOSED;
    },
  } as unknown as WebSocket & { readyState: number };
  const transports: Transport[] = [];
  const fronts = new WebSocketFronts({
    accept: () => {},
    frameBytesMax: 1000,
    unfinished: new UnfinishedFrames({ bytesMax: 1000, now: () => 0, after: () => () => {} }),
    waitingBytesMax: 1000,
    open: (_facts, transport) => {
      transports.push(transport);
      return connection as unknown as Connection;
    },
    onReceived: () => {},
    onGreedy: () => {},
  });
  fronts.message(socket, new ArrayBuffer(0));
  const answer = (...bytes: number[]): void =>
    transports[0]!.send([Uint8Array.of(...bytes)], bytes.length, () => log.push(`left ${bytes.join(" ")}`));
  return { log, connection, socket, fronts, answer, transport: transports[0]!, onRoom: () => transports[0]!.onRoom() };
}

test("a client that has left is over at once", () => {
  const { log, socket, fronts } = opened();
  fronts.closed(socket, 1000);
  expect(log).toEqual(["end", "close 1000"]);
});

test("what a client sent before it left is begun before it is over", () => {
  const { log, connection, socket, fronts, onRoom } = opened();
  connection.waitingBytes = 10;
  fronts.closed(socket, 1005);
  expect(log).toEqual(["close 1000"]);
  connection.waitingBytes = 0;
  onRoom();
  onRoom();
  expect(log.filter((what) => what === "end")).toHaveLength(1);
});

test("answers of one breath are one message, later ones another", async () => {
  const { log, answer } = opened();
  answer(1, 2);
  answer(3);
  expect(log).toEqual([]);
  await Promise.resolve();
  expect(log).toEqual(["message 1 2 3", "left 1 2", "left 3"]);
  answer(4);
  await Promise.resolve();
  expect(log.slice(3)).toEqual(["message 4", "left 4"]);
});

test("an answer right before the end still leaves, in front of it", async () => {
  const { log, answer, transport } = opened();
  answer(1);
  transport.close("a reason");
  await Promise.resolve();
  expect(log).toEqual(["message 1", "left 1", "end", "close 1008"]);
});

describe("[I8] unfinished large frames", () => {
  const mib = 1024 * 1024;

  /** Sockets of clients that each send the beginning of a frame of 8 MiB, in messages of 1 MiB, at a broker that has room for 4 MiB. */
  function claiming(tellsTaken: readonly boolean[]) {
    const closed: number[] = [];
    const told = tellsTaken.map(() => 0);
    const received: number[] = [];
    const fronts = new WebSocketFronts({
      accept: () => {},
      frameBytesMax: 8 * mib,
      unfinished: new UnfinishedFrames({ bytesMax: 4 * mib, now: () => 0, after: () => () => {} }),
      waitingBytesMax: 4 * mib,
      open: () => {
        const receive = (frame: Uint8Array) => received.push(frame.byteLength);
        return { waitingBytes: 0, isQuiet: true, hasRoom: true, receive, end: () => {} } as unknown as Connection;
      },
      onReceived: () => {},
      onGreedy: () => {},
    });
    const sockets = tellsTaken.map((tells, index) => {
      const socket = {
        readyState: WebSocket.OPEN,
        deserializeAttachment: () => ({ facts, tellsTaken: tells }),
        serializeAttachment: () => {},
        send: (text: string) => (told[index]! += Number(text)),
        close: () => {
          closed.push(index);
          socket.readyState = WebSocket.CLOSED;
        },
      } as unknown as WebSocket & { readyState: number };
      return socket;
    });
    const begun = new Set<number>();
    const send = (index: number, messages: number) => {
      for (let sent = 0; sent < messages; sent++) {
        const message = new Uint8Array(mib);
        if (!begun.has(index)) new DataView(message.buffer).setInt32(0, 8 * mib - 4);
        begun.add(index);
        fronts.message(sockets[index]!, message.buffer);
      }
    };
    return { closed, told, received, send };
  }

  test("a client that holds back is told no more while another has the turn, and everything when it is its own", () => {
    const { closed, told, received, send } = claiming([true, true]);
    send(0, 5);
    send(1, 2);
    expect(told).toEqual([5 * mib, 0]);
    send(0, 3);
    expect(received).toEqual([8 * mib - 4]);
    expect(told).toEqual([8 * mib, 2 * mib]);
    send(1, 6);
    expect(received).toHaveLength(2);
    expect(closed).toEqual([]);
  });

  test("of those that don't the greediest is closed; whoever has the turn, or holds back, goes on", () => {
    const { closed, received, send } = claiming([false, true, false, false]);
    send(0, 5);
    for (const index of [1, 2, 3]) send(index, 2);
    expect(closed).toEqual([]);
    send(3, 1);
    expect(closed).toEqual([3]);
    send(0, 3);
    expect(received).toEqual([8 * mib - 4]);
    send(1, 6);
    send(2, 6);
    expect(received).toHaveLength(3);
    expect(closed).toEqual([3]);
  });

  test("who was told to hold back, and goes on all the same, is closed too", () => {
    const { closed, send } = claiming([true, true]);
    send(0, 4);
    // As far as the client library goes: its window of 4 MiB, full, and one message more.
    send(1, 5);
    expect(closed).toEqual([]);
    send(1, 1);
    expect(closed).toEqual([1]);
  });
});
