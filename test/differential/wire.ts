/**
 * One of the two brokers that are compared, as a raw socket sees it: bytes out, frames in, and when it hung up. Retries nothing and
 * understands nothing: what a broker does with a request is what is compared.
 */
import { connect, type Socket } from "node:net";
import { concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";

/** Nothing that is compared takes this long; a broker that is silent for so long has no answer. */
const silenceMs = 10_000;

/** What became of a request that got no answer. */
export type NoAnswer = "closed" | "silent";

export class Wire {
  readonly #socket: Socket;
  readonly #cutter = new FrameCutter(1 << 28);
  readonly #frames: Uint8Array[] = [];
  readonly #waiting: ((frame: Uint8Array | NoAnswer) => void)[] = [];
  #ended = false;
  #correlationId = 0;
  readonly #clientId: string | null;

  constructor(port: number, clientId: string | null) {
    this.#clientId = clientId;
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => {
      for (const frame of this.#cutter.push(chunk)) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#frames.push(frame);
        else waiting(frame);
      }
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#ended = true;
      for (const waiting of this.#waiting.splice(0)) waiting("closed");
    });
  }

  get isOver(): boolean {
    return this.#ended;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next frame that comes after these bytes have been sent; undefined bytes send nothing. */
  async exchange(bytes: Uint8Array | undefined, patienceMs = silenceMs): Promise<Uint8Array | NoAnswer> {
    if (bytes !== undefined && !this.#ended) this.#socket.write(bytes);
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    if (this.#ended) return "closed";
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish("silent"), patienceMs);
      const finish = (result: Uint8Array | NoAnswer): void => {
        clearTimeout(timer);
        const place = this.#waiting.indexOf(finish);
        if (place >= 0) this.#waiting.splice(place, 1);
        resolve(result);
      };
      this.#waiting.push(finish);
    });
  }

  encode<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Uint8Array {
    this.#correlationId += 1;
    return concatenate(encodeRequest(api, version, this.#correlationId, this.#clientId, body));
  }

  async call<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Promise<ResponseOf<Api> | NoAnswer> {
    const frame = await this.exchange(this.encode(api, version, body));
    if (typeof frame === "string") return frame;
    const { correlationId, body: answer } = decodeResponse(api, version, frame);
    if (correlationId !== this.#correlationId) throw new Error(`${api.name} was answered as request ${correlationId}`);
    return answer;
  }
}
