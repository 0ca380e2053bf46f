/**
 * The broker's decisions, joined: appends become objects, inline records and commits (produce), reads become look-ups, GETs and
 * long polls (fetch), both under one byte budget. What the shell must do with events and effects stands in events.ts.
 */
import type { Settings } from "../settings.ts";
import type { Kernel } from "../../kernel/interface.ts";
import type { BrokerEffect, BrokerEvent } from "./events.ts";
import { FetchMachine } from "./fetch.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { ProduceMachine } from "./produce.ts";

export type { BrokerEffect, BrokerEvent } from "./events.ts";

export interface BrokerMachineOptions {
  readonly brokerId: number;
  readonly settings: Settings;
  readonly kernel: Pick<Kernel, "assignOffsets" | "crc32c">;
}

/** What the operator may want to see; sums since the start and levels of now. */
export interface BrokerLevels {
  readonly writeBytes: number;
  readonly cacheBytes: number;
  readonly pinnedBytes: number;
  readonly getBytes: number;
  readonly uploadsInFlight: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

const nothing: readonly BrokerEffect[] = [];

export class BrokerMachine {
  readonly #budget: MemoryBudget;
  readonly #produce: ProduceMachine;
  readonly #fetch: FetchMachine;
  #effects: BrokerEffect[] = [];

  constructor({ brokerId, settings, kernel }: BrokerMachineOptions) {
    const sink = { push: (effect: BrokerEffect) => void this.#effects.push(effect) };
    const budget = new MemoryBudget(settings["broker.memory.bytes"]);
    this.#budget = budget;
    this.#fetch = new FetchMachine({ kernel, budget, sink });
    this.#produce = new ProduceMachine({ brokerId, settings, crc32c: kernel.crc32c, budget, sink, listener: this.#fetch });
  }

  handle(event: BrokerEvent, now: number): readonly BrokerEffect[] {
    this.#produce.handle(event, now);
    this.#fetch.handle(event, now);
    return this.#settled(now);
  }

  tick(now: number): readonly BrokerEffect[] {
    this.#produce.tick(now);
    this.#fetch.tick(now);
    return this.#settled(now);
  }

  #settled(now: number): readonly BrokerEffect[] {
    this.#fetch.settle(now);
    if (this.#effects.length === 0) return nothing;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Undefined when nothing depends on the clock: an idle broker needs no timer (D3). */
  nextDeadline(): number | undefined {
    const produce = this.#produce.nextDeadline();
    const fetch = this.#fetch.nextDeadline();
    if (produce === undefined || fetch === undefined) return produce ?? fetch;
    return Math.min(produce, fetch);
  }

  /** False while the byte budget is spent (I8): read no more from sockets until it is true again; look after every call. */
  get acceptsRequests(): boolean {
    return this.#budget.acceptsRequests;
  }

  /** What to say as throttle_time_ms in produce and fetch responses; 0 almost always. */
  get throttleMs(): number {
    return this.#budget.throttleMs;
  }

  /** Undefined before the first append, and from the end of an epoch to the next append. */
  get brokerEpoch(): number | undefined {
    return this.#produce.brokerEpoch;
  }

  /** Every object of `brokerEpoch` below this sequence is committed or never will be (D12). */
  get sequenceFloor(): number {
    return this.#produce.sequenceFloor;
  }

  get levels(): BrokerLevels {
    const { writeBytes, pinnedBytes, getBytes } = this.#budget;
    const { byteLength: cacheBytes, hits: cacheHits, misses: cacheMisses } = this.#fetch.cache;
    return {
      writeBytes,
      cacheBytes,
      pinnedBytes,
      getBytes,
      uploadsInFlight: this.#produce.uploadsInFlight,
      cacheHits,
      cacheMisses,
    };
  }
}
