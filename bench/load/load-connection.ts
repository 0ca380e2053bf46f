/**
 * A client connection for what stock clients cannot saturate: requests encoded beforehand, any number under way, answers matched by
 * order alone. The same over TCP and over WebSocket, so that the transport is the only difference.
 */
import { type Socket, connect } from "node:net";
import { type CutResponse, ResponseCutter } from "./response-cutter.ts";
import { MessageUnwrapper, messageHeader, upgradeRequest } from "./websocket-wire.ts";

const messageBytesMax = 1024 * 1024;
const readBytes = 1024 * 1024;

export interface ConnectionTarget {
  readonly port: number;
  /** Over WebSocket at this path instead of raw TCP. */
  readonly webSocketPath?: string;
  /** How much of each answer is kept. */
  readonly headBytesMax?: number;
}

export class LoadConnection {
  readonly #socket: Socket;
  readonly #isWebSocket: boolean;
  readonly #waiting: PromiseWithResolvers<CutResponse>[] = [];

  private constructor(socket: Socket, isWebSocket: boolean) {
    this.#socket = socket;
    this.#isWebSocket = isWebSocket;
  }

  static async open({ port, webSocketPath, headBytesMax = 4096 }: ConnectionTarget): Promise<LoadConnection> {
    const isWebSocket = webSocketPath !== undefined;
    const opened = Promise.withResolvers<void>();
    const cutter = new ResponseCutter(headBytesMax, (response) => connection.#waiting.shift()?.resolve(response));
    let receive = (bytes: Uint8Array): void => cutter.push(bytes);
    if (isWebSocket) {
      const unwrapper = new MessageUnwrapper((bytes) => cutter.push(bytes));
      let head = "";
      receive = (bytes) => {
        // The head of the 101 comes in one piece or few; its end is looked for byte by byte.
        for (let index = 0; index < bytes.byteLength; index++) {
          head += String.fromCharCode(bytes[index]!);
          if (!head.endsWith("\r\n\r\n")) continue;
          if (!head.startsWith("HTTP/1.1 101")) opened.reject(new Error(head));
          receive = (later) => unwrapper.push(later);
          opened.resolve();
          unwrapper.push(bytes.subarray(index + 1));
          return;
        }
      };
    }
    const onread = {
      buffer: Buffer.alloc(readBytes),
      callback: (size: number, buffer: Uint8Array) => (receive(buffer.subarray(0, size)), true),
    };
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    const connection = new LoadConnection(socket, isWebSocket);
    socket.once("connect", () => {
      if (webSocketPath === undefined) opened.resolve();
      else socket.write(upgradeRequest(`127.0.0.1:${port}`, webSocketPath, "kafka"));
    });
    socket.once("error", (error) => connection.#break(error));
    socket.once("error", opened.reject);
    socket.once("close", () => {
      const error = new Error("the connection was closed");
      opened.reject(error);
      connection.#break(error);
    });
    await opened.promise;
    return connection;
  }

  /** Resolves with the answer to this request: answers come in the order of the requests. */
  send(request: Uint8Array): Promise<CutResponse> {
    const waiting = Promise.withResolvers<CutResponse>();
    this.#waiting.push(waiting);
    this.write(request);
    return waiting.promise;
  }

  /** Bytes that nobody answers. */
  write(bytes: Uint8Array): void {
    if (!this.#isWebSocket) {
      this.#socket.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.byteLength; at += messageBytesMax) {
      const message = bytes.subarray(at, at + messageBytesMax);
      this.#socket.cork();
      this.#socket.write(messageHeader(message.byteLength));
      this.#socket.write(message);
      this.#socket.uncork();
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #break(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Keeps `depth` requests under way until `count` were answered. */
export async function pipeline(count: number, depth: number, send: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: depth }, lane));
}
