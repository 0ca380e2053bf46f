/** How a WebSocket ends, with a socket and a connection that the test plays; the rest is tested in the runtime. */
import { expect, test } from "vitest";
import type { Connection } from "../../durable-objects/connection.ts";
import type { Transport } from "../../durable-objects/transport.ts";
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
    close: (code: number) => {
      log.push(`close ${code}`);
      socket.readyState = WebSocket.CLOSED;
    },
  } as unknown as WebSocket & { readyState: number };
  const transports: Transport[] = [];
  const fronts = new WebSocketFronts({
    accept: () => {},
    frameBytesMax: 1000,
    waitingBytesMax: 1000,
    open: (_facts, transport) => {
      transports.push(transport);
      return connection as unknown as Connection;
    },
    onReceived: () => {},
    onGreedy: () => {},
  });
  fronts.message(socket, new ArrayBuffer(0));
  return { log, connection, socket, fronts, onRoom: () => transports[0]!.onRoom() };
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
