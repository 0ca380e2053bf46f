/**
 * TCP connections over which nothing has passed for connections.max.idle.ms are closed, as Kafka does. One timer stands while there is
 * a TCP connection. WebSockets are let be: a hibernated one costs nothing, and waking its object to close it would.
 */
import type { MutingOptions } from "./muting.ts";

export interface IdleConnection {
  /** Nothing under way, nothing waiting, nothing unsent. */
  readonly isQuiet: boolean;
  /** When the client last sent or took something. */
  readonly activeAtMs: number;
  fail(reason: string): void;
}

export interface IdleConnectionsOptions {
  readonly idleMsMax: number;
  readonly now: () => number;
  readonly after: MutingOptions["after"];
}

export class IdleConnections {
  readonly #options: IdleConnectionsOptions;
  readonly #connections = new Set<IdleConnection>();
  #callOff: (() => void) | undefined;

  constructor(options: IdleConnectionsOptions) {
    this.#options = options;
  }

  add(connection: IdleConnection): void {
    if (this.#options.idleMsMax === 0) return;
    this.#connections.add(connection);
    this.#callOff ??= this.#options.after(this.#options.idleMsMax, this.#look);
  }

  delete(connection: IdleConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#callOff?.();
    this.#callOff = undefined;
  }

  readonly #look = (): void => {
    const { idleMsMax, now, after } = this.#options;
    this.#callOff = undefined;
    const nowMs = now();
    let nextMs = Infinity;
    for (const connection of this.#connections) {
      const idleMs = connection.isQuiet ? nowMs - connection.activeAtMs : 0;
      if (idleMs >= idleMsMax) connection.fail(`idle for ${idleMs} ms`);
      else nextMs = Math.min(nextMs, idleMsMax - idleMs);
    }
    if (nextMs < Infinity) this.#callOff ??= after(nextMs, this.#look);
  };
}
