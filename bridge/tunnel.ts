/**
 * One TCP connection carried over one WebSocket. Bytes are moved, never looked at. Both directions hold back: the WebSocket is not
 * read while the TCP side is full, and the TCP side is not read while the WebSocket is full or the server has not said that it has
 * taken what it got. Whichever side ends, the other ends too; nothing is reconnected in mid-stream.
 */
import type { Socket } from "node:net";
import { WebSocket } from "ws";

const messageBytesMax = 1024 * 1024;
const bufferedBytesMax = 2 * 1024 * 1024;
/**
 * Bytes the server has not reported as taken: a server cannot stop reading a WebSocket, so it is not overfilled. What all clients send ahead
 * must find room there, else the greediest is cut off: more for each would be room for fewer.
 */
const windowBytes = 2 * 1024 * 1024;
const pingIntervalMs = 30_000;
const handshakeTimeoutMs = 15_000;

export interface TunnelEvents {
  readonly onOpen: () => void;
  /** Called once. `problem` is undefined when a side has simply closed. */
  readonly onEnd: (problem: string | undefined) => void;
}

/**
 * Masking keeps what a client sends from being taken for something else by proxies that can read it. Where none can, a key of zeros
 * does, with which neither side has to go through the bytes.
 */
export function isReadAlong({ protocol, hostname }: URL): boolean {
  return protocol !== "wss:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

export class Tunnel {
  readonly #tcp: Socket | undefined;
  readonly #webSocket: WebSocket;
  readonly #events: TunnelEvents;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #untakenBytes = 0;
  #isAlive = true;
  #sentSincePing = false;
  #isOpen = false;
  #hasEnded = false;

  /** Without a TCP side it only tries whether the server can be reached. */
  constructor(url: URL, tcp: Socket | undefined, events: TunnelEvents) {
    this.#tcp = tcp;
    this.#events = events;
    tcp?.setNoDelay(true);
    tcp?.pause();
    this.#webSocket = new WebSocket(url, ["kafka"], {
      perMessageDeflate: false,
      handshakeTimeout: handshakeTimeoutMs,
      ...(isReadAlong(url) ? {} : { generateMask: (key) => key.fill(0) }),
    });
    this.#listen();
  }

  end(problem?: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearInterval(this.#pinger);
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.close(1000, "");
    else this.#webSocket.terminate();
    if (problem === undefined) this.#tcp?.end();
    else this.#tcp?.destroy();
    this.#events.onEnd(problem);
  }

  #listen(): void {
    const webSocket = this.#webSocket;
    webSocket.on("open", () => this.#opened());
    webSocket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#toTcp(data);
      else this.#taken(Number(data.toString("latin1")));
    });
    webSocket.on("pong", () => {
      this.#isAlive = true;
    });
    webSocket.on("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8").slice(0, 200)));
      response.on("end", () => this.end(`the server answered ${response.statusCode ?? 0}: ${text.trim().split("\n")[0] ?? ""}`));
      response.on("error", () => this.end(`the server answered ${response.statusCode ?? 0}`));
    });
    webSocket.on("error", (error) => this.end(this.#isOpen ? error.message : `cannot reach the server: ${reasonOf(error)}`));
    webSocket.on("close", (code, reason) => {
      const isNormal = code === 1000 || code === 1005;
      this.end(
        isNormal
          ? undefined
          : `the server closed the connection (${code}${reason.length > 0 ? `: ${reason.toString("utf8")}` : ""})`,
      );
    });
    this.#tcp?.on("data", (chunk) => this.#toWebSocket(chunk));
    this.#tcp?.on("drain", () => webSocket.resume());
    this.#tcp?.on("close", () => this.end());
    this.#tcp?.on("error", () => this.end());
  }

  #opened(): void {
    this.#isOpen = true;
    this.#pinger = setInterval(() => this.#ping(), pingIntervalMs);
    this.#events.onOpen();
    this.#tcp?.resume();
  }

  #toTcp(data: Buffer): void {
    if (this.#tcp !== undefined && !this.#tcp.write(data)) this.#webSocket.pause();
  }

  #toWebSocket(chunk: Buffer): void {
    this.#sentSincePing = true;
    this.#untakenBytes += chunk.byteLength;
    for (let at = 0; at < chunk.byteLength; at += messageBytesMax)
      this.#webSocket.send(chunk.subarray(at, at + messageBytesMax), { binary: true }, () => this.#balance());
    this.#balance();
  }

  /** A text message tells how many bytes more the server has taken. */
  #taken(byteLength: number): void {
    this.#untakenBytes = Math.max(0, this.#untakenBytes - byteLength);
    this.#balance();
  }

  #balance(): void {
    const isFull = this.#webSocket.bufferedAmount > bufferedBytesMax || this.#untakenBytes > windowBytes;
    if (isFull) this.#tcp?.pause();
    else this.#tcp?.resume();
  }

  #ping(): void {
    // While the client takes nothing the WebSocket is not read, and answers to pings lie unread in it.
    if (this.#webSocket.isPaused) this.#isAlive = true;
    if (!this.#isAlive) {
      this.end("the server answers no pings");
      return;
    }
    // A server that slept may have forgotten to report the last few bytes.
    if (!this.#sentSincePing) this.#taken(this.#untakenBytes);
    this.#sentSincePing = false;
    this.#isAlive = this.#webSocket.isPaused;
    this.#webSocket.ping();
  }
}

function reasonOf(error: Error): string {
  // Several addresses were tried: the last refusal stands for all.
  const inner = error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error;
  return inner instanceof Error && inner.message !== "" ? inner.message : String(inner);
}
