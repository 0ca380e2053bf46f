/** Connections without a broker: handlers that the test answers by hand, and what came out, cut into frames again. */
import { Connection, type ConnectionOptions } from "../../durable-objects/connection.ts";
import type { BrokerServices, ConnectionFacts, Handler, RequestContext } from "../../durable-objects/handler.ts";
import { InProcessFront } from "../../durable-objects/in-process-front.ts";
import { Log } from "../../durable-objects/log.ts";
import { Metrics } from "../../durable-objects/metrics.ts";
import type { ReadLedger } from "../../durable-objects/request-services.ts";
import { ClientQuotas } from "../../core/quota/client-quotas.ts";
import type { ClientQuota } from "../../core/quota/quota-entities.ts";
import { settingDefaults } from "../../core/settings.ts";
import { concatenate, decodeCorrelationId, encodeRequest } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { joinGroup } from "../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../protocol/messages/12-heartbeat.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { consumerGroupHeartbeat } from "../../protocol/messages/68-consumer-group-heartbeat.ts";

export const facts: ConnectionFacts = {
  id: "test",
  cluster: "default",
  zone: "local",
  advertisedHost: "127.0.0.1",
  advertisedBasePort: 9092,
  clientAddress: "here",
  transport: "in-process",
};

export interface Call {
  readonly context: RequestContext;
  readonly body: unknown;
  answer(body: unknown): void;
  throw(error: unknown): void;
}

export class FakeLedger implements ReadLedger {
  readonly log: string[] = [];
  #next = 1;

  beginRead() {
    const id = this.#next++;
    this.log.push(`begin ${id}`);
    return { id, outcomes: Promise.resolve([]) };
  }

  cancelRead(id: number): void {
    this.log.push(`cancel ${id}`);
  }

  releaseRead(id: number): void {
    this.log.push(`release ${id}`);
  }
}

export class Harness {
  readonly calls: Call[] = [];
  readonly frames: Uint8Array[] = [];
  readonly closed: string[] = [];
  readonly ledger = new FakeLedger();
  readonly metrics = new Metrics();
  readonly log = new Log("off", {});
  readonly front: InProcessFront;
  accepts = true;
  nowMs = 0;
  quotas: readonly ClientQuota[] = [];
  /** What is to be called when, by the clock of the test. */
  readonly timers = new Map<() => void, number>();
  ended = 0;
  /** Called by the handler of Produce at once; undefined leaves the answer to the test. */
  onCall: ((call: Call) => void) | undefined;
  readonly #cutter = new FrameCutter(1 << 20);

  constructor(options: { requestsMax?: number } = {}) {
    const connectionOptions: Omit<ConnectionOptions, "send" | "close" | "drop" | "onRoom"> = {
      facts,
      handlers: new Map([
        this.#handler(produce, [3, 13]),
        this.#handler(fetch, [4, 18]),
        this.#handler(heartbeat, [0, 4]),
        this.#handler(joinGroup, [0, 9]),
        this.#handler(offsetCommit, [2, 10]),
        this.#handler(consumerGroupHeartbeat, [0, 1]),
        this.#handler(apiVersions, [0, 4]),
      ]),
      services: this.#services(),
      reads: this.ledger,
      quotas: new ClientQuotas(() => this.quotas, settingDefaults),
      requestsMax: options.requestsMax ?? 8,
      unsentBytesMax: 1 << 20,
      accepts: () => this.accepts,
      onSent: () => {},
      onEnd: () => {
        this.ended += 1;
      },
      now: () => this.nowMs,
      after: (ms, work) => {
        this.timers.set(work, this.nowMs + ms);
        return () => void this.timers.delete(work);
      },
      log: this.log,
      metrics: this.metrics,
    };
    this.front = new InProcessFront({
      open: (transport) => new Connection({ ...connectionOptions, ...transport }),
      frameBytesMax: 1 << 20,
      onBytes: (chunk) => this.frames.push(...this.#cutter.push(chunk.slice())),
      onClose: (reason) => this.closed.push(reason),
    });
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const [work, atMs] of this.timers) {
      if (atMs > this.nowMs) continue;
      this.timers.delete(work);
      work();
    }
  }

  #services(): BrokerServices {
    const unused = (): never => {
      throw new Error("not part of this test");
    };
    return {
      nodeId: 0,
      settings: settingDefaults,
      throttleMs: 0,
      get catalog() {
        return unused();
      },
      get controller() {
        return unused();
      },
      coordinator: unused,
      group: unused,
      transaction: unused,
      get verified() {
        return unused();
      },
      nextProducerId: unused,
      append: () => Promise.resolve([]),
      read: unused,
      readExtent: unused,
    };
  }

  #handler(api: Handler["api"], versions: readonly [number, number]): [number, Handler] {
    const handle = (body: unknown, context: RequestContext): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const call: Call = { context, body, answer: resolve, throw: reject };
        this.calls.push(call);
        this.onCall?.(call);
      });
    return [api.key, { api, versions, handle }];
  }

  get correlationIds(): number[] {
    return this.frames.map(decodeCorrelationId);
  }
}

/** Lets every promise that can settle do so. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}

export function heartbeatBytes(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(heartbeat, 4, correlationId, "client", { groupId: "g", memberId: "m" }));
}

export function produceBytes(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(produce, 7, correlationId, "client", { acks: -1, timeoutMs: 1000 }));
}

export function commitBytes(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(offsetCommit, 7, correlationId, "client", { groupId: "g", memberId: "m" }));
}

export function consumerHeartbeatBytes(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(consumerGroupHeartbeat, 1, correlationId, "client", { groupId: "g", memberId: "m" }));
}

export function joinBytes(correlationId: number): Uint8Array {
  return concatenate(
    encodeRequest(joinGroup, 5, correlationId, "client", { groupId: "g", memberId: "m", protocolType: "consumer" }),
  );
}

export function fetchBytes(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(fetch, 11, correlationId, "client", { maxWaitMs: 500, minBytes: 1 }));
}

export function rawRequest(apiKey: number, apiVersion: number, correlationId: number, rest: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(14 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.byteLength - 4);
  view.setInt16(4, apiKey);
  view.setInt16(6, apiVersion);
  view.setInt32(8, correlationId);
  view.setInt16(12, -1);
  bytes.set(rest, 14);
  return bytes;
}
