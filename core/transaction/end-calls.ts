/**
 * Who has still to hear how a transaction ended: a leader a cell, a coordinator a group, each called until it has answered. Who has
 * answered is not written down: after a restart all are called anew, and whoever knows already changes nothing.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { MarkerRequest } from "../coordinator.ts";
import type { EndCall, TransactionEnd } from "./events.ts";
import type { TransactionState } from "./state.ts";

/** A coordinator is one object for ever: nobody takes its place with a higher epoch. */
const coordinatorEpoch = 0;
const heard: ReadonlySet<number> = new Set([
  errorCodes.NONE,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.TRANSACTION_COORDINATOR_FENCED,
]);

/** Whether a partition is settled by what its leader answered, so that asking again would change nothing. */
export function isHeard(errorCode: number): boolean {
  return heard.has(errorCode);
}

export function markerRequest({ end, partitions }: EndCall & { readonly kind: "markers" }): MarkerRequest {
  return { ...end, coordinatorEpoch, partitions };
}

const backoffMsFirst = 50;
const backoffMsMax = 5000;
/** Under way at one time: an object has not so many connections. */
const callsMax = 32;

interface Pending {
  readonly call: EndCall;
  /** Undefined while the call is under way. */
  nextAt: number | undefined;
  backoffMs: number;
}

export class EndCalls {
  readonly #pending = new Map<number, Pending>();
  #nextCallId = 1;
  #underWay = 0;

  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  begin({ name, producerId, producerEpoch, generation, partitions, groups }: TransactionState, now: number): void {
    const end: TransactionEnd = { producerId, producerEpoch, generation, commit: name === "PrepareCommit" };
    for (const cell of partitions.cells)
      this.#put({ callId: this.#nextCallId++, end, kind: "markers", cell, partitions: partitions.ofCell(cell) }, now);
    for (const groupId of groups) this.#put({ callId: this.#nextCallId++, end, kind: "offsets", groupId }, now);
  }

  #put(call: EndCall, now: number): void {
    this.#pending.set(call.callId, { call, nextAt: now, backoffMs: backoffMsFirst });
  }

  /** The calls to make now. Each comes back through `answered`, or this memory is gone with it. */
  take(now: number): readonly EndCall[] {
    const due: EndCall[] = [];
    for (const pending of this.#pending.values()) {
      if (this.#underWay === callsMax) break;
      if (pending.nextAt === undefined || pending.nextAt > now) continue;
      this.#underWay += 1;
      pending.nextAt = undefined;
      due.push(pending.call);
    }
    return due;
  }

  answered(callId: number, isDone: boolean, now: number): void {
    const pending = this.#pending.get(callId);
    if (pending === undefined) return;
    if (pending.nextAt === undefined) this.#underWay -= 1;
    if (isDone) {
      this.#pending.delete(callId);
      return;
    }
    pending.nextAt = now + pending.backoffMs;
    pending.backoffMs = Math.min(pending.backoffMs * 2, backoffMsMax);
  }

  /** What is left, for those who look. */
  get cells(): readonly number[] {
    return [...this.#pending.values()].flatMap(({ call }) => (call.kind === "markers" ? [call.cell] : []));
  }

  /** Undefined also while as many calls as may be are under way: the next answer brings the next call. */
  nextDeadline(): number | undefined {
    if (this.#underWay === callsMax) return undefined;
    let next: number | undefined;
    for (const { nextAt } of this.#pending.values())
      if (nextAt !== undefined && (next === undefined || nextAt < next)) next = nextAt;
    return next;
  }
}
