/** The little of the `ws` package that the bridge uses, so that no package of types is needed for it. */
declare module "ws" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage } from "node:http";

  export class WebSocket extends EventEmitter {
    static readonly OPEN: 1;
    constructor(
      url: string | URL,
      protocols: readonly string[],
      options?: { perMessageDeflate?: boolean; handshakeTimeout?: number },
    );
    readonly readyState: number;
    readonly bufferedAmount: number;
    send(data: Uint8Array, options: { binary: boolean }, sent: (error?: Error) => void): void;
    ping(): void;
    pause(): void;
    resume(): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
    on(event: "open" | "pong", listener: () => void): this;
    on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: "close", listener: (code: number, reason: Buffer) => void): this;
    on(event: "error", listener: (error: Error) => void): this;
    on(event: "unexpected-response", listener: (request: unknown, response: IncomingMessage) => void): this;
  }
}
