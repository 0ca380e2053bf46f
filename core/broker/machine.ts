/**
 * The broker's decisions, joined: appends become objects, inline records and commits (produce), reads become look-ups, GETs and
 * long polls (fetch), both under one byte budget. What the shell must do with events and effects stands in events.ts.
 */
import type { BrokerEffect, BrokerEvent } from "./events.ts";
import type { Settings } from "../settings.ts";
import type { Kernel } from "../../kernel/interface.ts";

export type { BrokerEffect, BrokerEvent } from "./events.ts";

export interface BrokerMachineOptions {
  readonly brokerId: number;
  readonly settings: Settings;
  readonly kernel: Pick<Kernel, "assignOffsets" | "crc32c">;
}

/** `new BrokerMachine(options: BrokerMachineOptions)` is one of these. */
export interface BrokerMachineContract {
  handle(event: BrokerEvent, now: number): readonly BrokerEffect[];
  tick(now: number): readonly BrokerEffect[];
  /** Undefined when nothing depends on the clock: an idle broker needs no timer (D3). */
  nextDeadline(): number | undefined;
  /** False while the byte budget is spent (I8): read no more from sockets until it is true again; look after every call. */
  readonly acceptsRequests: boolean;
  /** What to say as throttle_time_ms in produce and fetch responses; 0 almost always. */
  readonly throttleMs: number;
  /** Undefined before the first append. */
  readonly brokerEpoch: number | undefined;
  /** Every object of `brokerEpoch` below this sequence is committed or never will be (D12). */
  readonly sequenceFloor: number;
}
