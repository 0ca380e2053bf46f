/**
 * Kafka over WebSocket: subprotocol `kafka`, binary messages whose borders mean nothing. All brokers are behind one URL: the client says
 * which address it wants to be told (`host`, `port`), the server answers with it (broker n has port + n), and `node=n` reaches that
 * broker again. A server cannot stop reading a WebSocket, so with `flow=1` it says what it has taken and this side holds back the rest.
 */
import { NetworkError, asError } from "../errors.ts";
import type { ByteStream, Endpoint, StreamEvents, Transport } from "./transport.ts";

/** What of the platform's WebSocket is used. Node 20 has none: the `ws` package's class fits. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount?: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  /** Workers: a socket that came with a response has to be accepted. */
  accept?(): void;
  /** Of the event's kind a class of the platform, of `ws` or of a caller says more than this: so that each of them fits. */
  addEventListener(type: string, listener: (event: unknown) => void): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

/** A service binding's `fetch`, or the global one in a Worker: answers 101 with the socket. */
export type FetchLike = (url: string, init: { headers: Record<string, string> }) => Promise<unknown>;

export interface WebSocketTransportOptions {
  readonly url: string;
  readonly webSocket?: WebSocketClass;
  readonly fetch?: FetchLike;
  readonly openTimeoutMs: number;
}

/** What the server is asked to call its brokers: no real address, it only tells them apart. */
const advertisedHost = "kante";
const basePort = 9092;
const messageBytesMax = 1024 * 1024;
/** Bytes that the server has not said to have taken, above which the rest waits here. */
const windowBytes = 4 * 1024 * 1024;
const open = 1;

export function webSocketTransport(options: WebSocketTransportOptions): Transport {
  const base = new URL(options.url);
  if (base.protocol === "http:") base.protocol = "ws:";
  if (base.protocol === "https:") base.protocol = "wss:";
  const firstNode = Number(base.searchParams.get("node") ?? "0");
  return {
    bootstrap: { host: advertisedHost, port: basePort + firstNode },
    async open(endpoint, events) {
      const url = urlOf(base, endpoint);
      const socket = await (options.fetch === undefined
        ? constructed(options.webSocket ?? globalSocket(), url)
        : fetchedInTime(options.fetch, url, options.openTimeoutMs));
      return await opened(socket, events, options.openTimeoutMs, `${base.origin}${base.pathname}`);
    },
  };
}

function urlOf(base: URL, { port }: Endpoint): URL {
  const url = new URL(base);
  url.searchParams.set("node", String(port - basePort));
  url.searchParams.set("host", advertisedHost);
  url.searchParams.set("port", String(basePort));
  url.searchParams.set("flow", "1");
  return url;
}

function globalSocket(): WebSocketClass {
  const found = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (found === undefined) throw new NetworkError("this runtime has no WebSocket: pass one in the option webSocket");
  return found as WebSocketClass;
}

async function constructed(WebSocket: WebSocketClass, url: URL): Promise<WebSocketLike> {
  return new WebSocket(url.href, ["kafka"]);
}

/** A service that does not answer keeps nobody waiting; the socket that comes too late is closed. */
function fetchedInTime(fetch: FetchLike, url: URL, timeoutMs: number): Promise<WebSocketLike> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new NetworkError(`${url.host} did not answer in time`));
    }, timeoutMs);
    fetched(fetch, url)
      .then((socket) => (isLate ? socket.close(1000, "") : resolve(socket)), reject)
      .finally(() => clearTimeout(timer));
  });
}

async function fetched(fetch: FetchLike, url: URL): Promise<WebSocketLike> {
  const address = new URL(url);
  address.protocol = address.protocol === "wss:" ? "https:" : "http:";
  let response: { status: number; webSocket?: WebSocketLike | null; text(): Promise<string> };
  try {
    const headers = { upgrade: "websocket", "sec-websocket-protocol": "kafka" };
    response = (await fetch(address.href, { headers })) as typeof response;
  } catch (error) {
    throw new NetworkError(`cannot reach ${address.host}: ${asError(error).message}`, { cause: error });
  }
  const { webSocket } = response;
  if (webSocket === undefined || webSocket === null)
    throw new NetworkError(`${address.host} answered ${response.status}: ${(await response.text()).slice(0, 200).trim()}`);
  webSocket.binaryType = "arraybuffer";
  webSocket.accept?.();
  return webSocket;
}

function opened(socket: WebSocketLike, events: StreamEvents, timeoutMs: number, address: string): Promise<ByteStream> {
  const stream = new WebSocketStream(socket, events);
  if (socket.readyState === open) return Promise.resolve(stream);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stream.close();
      reject(new NetworkError(`a WebSocket to ${address} did not open in time`));
    }, timeoutMs);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve(stream);
    });
    stream.onEarlyEnd = (reason) => {
      clearTimeout(timer);
      // Platforms don't tell why: the address is what a caller can look at.
      reject(new NetworkError(`cannot open a WebSocket to ${address} (the path of a cluster is /c/<cluster>/kafka): ${reason}`));
    };
  });
}

class WebSocketStream implements ByteStream {
  /** Set while the socket opens. */
  onEarlyEnd: ((reason: string) => void) | undefined;
  readonly #socket: WebSocketLike;
  readonly #events: StreamEvents;
  #isOpen: boolean;
  #hasEnded = false;
  readonly #waiting: Uint8Array[] = [];
  #untakenBytes = 0;

  constructor(socket: WebSocketLike, events: StreamEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#isOpen = socket.readyState === open;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#isOpen = true;
      this.onEarlyEnd = undefined;
    });
    socket.addEventListener("message", (event) => {
      if (this.#hasEnded) return;
      const { data } = event as { data: ArrayBuffer | string };
      if (typeof data === "string") this.#taken(Number(data));
      else events.onBytes(new Uint8Array(data));
    });
    socket.addEventListener("close", (event) => {
      const { code, reason } = event as { code: number; reason: string };
      this.#end(`the WebSocket was closed (${code}${reason === "" ? "" : `: ${reason}`})`);
    });
    socket.addEventListener("error", (event) => {
      const { message, error } = event as { message?: string; error?: unknown };
      const why = message ?? (error === undefined ? "" : asError(error).message);
      this.#end(`the WebSocket failed${why === "" ? "" : `: ${why}`}`);
    });
  }

  send(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks)
      for (let at = 0; at < chunk.byteLength; at += messageBytesMax) this.#waiting.push(chunk.subarray(at, at + messageBytesMax));
    this.#push();
  }

  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#waiting.length = 0;
    try {
      this.#socket.close(1000, "");
    } catch {
      // Still opening, or closed already.
    }
  }

  settled(): void {
    if (this.#waiting.length === 0) this.#untakenBytes = 0;
  }

  /** A text message tells how many bytes more the server has taken. */
  #taken(byteLength: number): void {
    this.#untakenBytes = Math.max(0, this.#untakenBytes - byteLength);
    this.#push();
  }

  #push(): void {
    let sent = 0;
    for (; sent < this.#waiting.length && this.#untakenBytes <= windowBytes; sent++) {
      const message = this.#waiting[sent]!;
      this.#untakenBytes += message.byteLength;
      try {
        this.#socket.send(message as Uint8Array<ArrayBuffer>);
      } catch (error) {
        this.#end(`the WebSocket refused bytes: ${asError(error).message}`);
        return;
      }
    }
    if (sent > 0) this.#waiting.splice(0, sent);
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.close();
    if (this.onEarlyEnd !== undefined && !this.#isOpen) this.onEarlyEnd(reason);
    else this.#events.onClose(reason);
  }
}
