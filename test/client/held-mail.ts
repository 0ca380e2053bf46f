/**
 * A transport whose requests of certain kinds are held back until they are let go, as on a line that is slow for them alone. Others
 * overtake them.
 */
import type { ByteStream, Transport } from "../../client/wire/transport.ts";
import { webSocketTransport } from "../../client/wire/websocket.ts";
import { concatenate } from "../../protocol/codec.ts";

/** Of a request's bytes: its length, then what it asks for. */
const apiKeyAt = 4;

export class HeldMail {
  readonly transport: Transport;
  readonly #held = new Map<number, (() => void)[]>();

  constructor(transport: Transport) {
    this.transport = {
      bootstrap: transport.bootstrap,
      open: async (endpoint, events) => {
        const stream = await transport.open(endpoint, events);
        return { send: (chunks) => this.#send(stream, chunks), close: () => stream.close(), settled: () => stream.settled?.() };
      },
    };
  }

  static byWebSocket(url: string): HeldMail {
    return new HeldMail(webSocketTransport({ url, openTimeoutMs: 5000 }));
  }

  hold(...apiKeys: readonly number[]): void {
    for (const apiKey of apiKeys) this.#held.set(apiKey, []);
  }

  /** How many requests of a kind are held back. */
  held(apiKey: number): number {
    return this.#held.get(apiKey)?.length ?? 0;
  }

  letGo(apiKey: number): void {
    const sends = this.#held.get(apiKey) ?? [];
    this.#held.delete(apiKey);
    for (const send of sends) send();
  }

  #send(stream: ByteStream, chunks: readonly Uint8Array[]): void {
    const bytes = concatenate(chunks);
    const held = this.#held.get(new DataView(bytes.buffer, bytes.byteOffset).getInt16(apiKeyAt));
    if (held === undefined) stream.send([bytes]);
    else held.push(() => stream.send([bytes]));
  }
}
