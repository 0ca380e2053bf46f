/**
 * Open connections by broker and lane. Answers on one connection come in the order of requests, so what waits long (a fetch, a group's
 * join) has a lane, that is a socket, of its own. A broker that could not be reached is left alone for a while, longer each time.
 */
import { type Clock, sleep } from "../clock.ts";
import { StateError } from "../errors.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { Endpoint } from "./transport.ts";

export interface PoolOptions extends Omit<ConnectionOptions, "endpoint" | "onClose"> {
  readonly reconnectBackoff: BackoffOptions;
}

interface Failures {
  readonly count: number;
  readonly notBeforeMs: number;
}

const noop = (): void => {};

export class Pool {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #open = new Map<string, Connection>();
  readonly #failures = new Map<string, Failures>();
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = options.clock;
    // Each waiting attempt listens.
    this.#closing.signal.addEventListener("abort", noop);
  }

  get(endpoint: Endpoint, lane: string): Promise<Connection> {
    const key = `${endpoint.host}:${endpoint.port} ${lane}`;
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    const opening = this.#connect(endpoint, key);
    this.#connections.set(key, opening);
    opening.catch(() => this.#connections.delete(key));
    return opening;
  }

  /** The lane is not needed any more. */
  closeLane(lane: string): void {
    // One that opens at this moment is closed as soon as it is.
    for (const [key, opening] of this.#connections)
      if (key.endsWith(` ${lane}`)) opening.then((connection) => connection.close(), noop);
  }

  close(): void {
    this.#closing.abort(new StateError("the client was closed"));
    for (const connection of this.#open.values()) connection.close();
    // Those that open at this moment are closed as soon as they are.
    for (const opening of this.#connections.values()) opening.then((connection) => connection.close(), noop);
  }

  async #connect(endpoint: Endpoint, key: string): Promise<Connection> {
    const address = `${endpoint.host}:${endpoint.port}`;
    const waitMs = (this.#failures.get(address)?.notBeforeMs ?? 0) - this.#clock.now();
    if (waitMs > 0) await sleep(this.#clock, waitMs, this.#closing.signal);
    this.#closing.signal.throwIfAborted();
    const { transport, clientId, clock, requestTimeoutMs } = this.#options;
    const onClose = (): void => {
      this.#connections.delete(key);
      this.#open.delete(key);
    };
    try {
      const connection = await Connection.open({ transport, clientId, clock, requestTimeoutMs, endpoint, onClose });
      this.#failures.delete(address);
      this.#open.set(key, connection);
      return connection;
    } catch (error) {
      const count = (this.#failures.get(address)?.count ?? 0) + 1;
      const delayMs = backoffMs(count, this.#options.reconnectBackoff, this.#clock.random());
      this.#failures.set(address, { count, notBeforeMs: this.#clock.now() + delayMs });
      throw error;
    }
  }
}
