/** A Kafka client over WebSocket inside the runtime: requests out, answers in the order they come, and how the socket ended. */
import { env } from "cloudflare:workers";
import type { Env } from "../../durable-objects/env.ts";
import { type DecodedResponse, concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import type { ApiSchema, RequestInput } from "../../protocol/schema.ts";
import app from "../../worker/entry.ts";

export const bindings = env as unknown as Env;

export class KafkaSocket {
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: WebSocket;
  readonly #cutter = new FrameCutter(1 << 26);
  readonly #frames: Uint8Array[] = [];
  readonly #waiting: ((frame: Uint8Array) => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason })));
    socket.addEventListener("message", ({ data }) => {
      for (const frame of this.#cutter.push(new Uint8Array(data as ArrayBuffer))) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#frames.push(frame);
        else waiting(frame);
      }
    });
    socket.accept();
  }

  static async open(cluster: string): Promise<KafkaSocket> {
    const headers = { upgrade: "websocket", "sec-websocket-protocol": "kafka" };
    const response = await app.fetch(new Request(`http://kante/c/${cluster}/kafka`, { headers }), bindings);
    if (response.webSocket === null) throw new Error(`no WebSocket: ${response.status} ${await response.text()}`);
    return new KafkaSocket(response.webSocket);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  close(): void {
    this.#socket.close(1000, "done");
  }

  /** The next answer. */
  next(): Promise<Uint8Array> {
    const frame = this.#frames.shift();
    return frame === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(frame);
  }

  async call<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Promise<DecodedResponse<Api>["body"]> {
    this.send(bytesOf(api, version, body));
    return decodeResponse(api, version, await this.next()).body;
  }
}

export function bytesOf<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Uint8Array {
  return concatenate(encodeRequest(api, version, 1, "test", body));
}
