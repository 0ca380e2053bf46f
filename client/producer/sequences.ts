/**
 * What makes a producer idempotent: who it is, which sequence each batch has, and what a refusal means. Pure: it is told what was sent
 * and answered, and says what to do. A batch keeps its sequence through all its attempts, so the broker recognizes a second copy; when
 * the broker has lost track, the producer takes a new epoch and numbers again from zero, as Java's does.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { type Batch, type Identity, addSequence, isBehind } from "./batch.ts";

/** The broker remembers so many batches of a producer in a partition. */
const inFlightMax = 5;

interface PartitionState {
  identity: Identity;
  next: number;
  /** Something was appended under this identity. */
  hasBegun: boolean;
  /** Sent, or waiting to be sent again; in order of sequence. */
  readonly inFlight: Batch[];
  /** A batch was given up whose fate nobody knows. */
  isUnresolved: boolean;
  /** Batches in flight are to be numbered anew under the next epoch. */
  isToRewrite: boolean;
}

export type Verdict =
  /** Appended, now or before. */
  | "duplicate"
  | "retry"
  /** Under a new epoch. */
  | "bump"
  | "fail";

export class Sequences {
  readonly #isTransactional: boolean;
  readonly #partitions = new Map<string, PartitionState>();
  #identity: Identity | undefined;
  #wantsBump = false;

  constructor(isTransactional: boolean) {
    this.#isTransactional = isTransactional;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Nothing may be sent before there is a (new) identity, and that waits until nothing is on its way. */
  get needsIdentity(): boolean {
    return this.#identity === undefined || this.#wantsBump;
  }

  assigned(identity: Identity): void {
    this.#identity = identity;
    this.#wantsBump = false;
    for (const state of this.#partitions.values()) {
      if (!state.isToRewrite) continue;
      this.#begin(state);
      for (const batch of state.inFlight) this.#number(state, batch);
    }
  }

  /** A transaction is over: the next one begins everywhere from zero. */
  restart(identity: Identity): void {
    this.#partitions.clear();
    this.assigned(identity);
  }

  maySend(batch: Batch): boolean {
    const state = this.#partitions.get(batch.key);
    if (state === undefined) return true;
    // One at a time until what failed has succeeded: the broker would refuse whatever comes behind a gap.
    if (batch.baseSequence >= 0) return state.inFlight[0] === batch;
    if (state.inFlight.length === 0) return !state.isUnresolved;
    // A broker that does not know the producer yet takes any sequence for its first: until one is appended, none may overtake it.
    if (!state.hasBegun) return false;
    return state.inFlight.length < inFlightMax && !state.isUnresolved && state.identity === this.#identity;
  }

  sending(batch: Batch): void {
    if (batch.baseSequence >= 0) return;
    let state = this.#partitions.get(batch.key);
    if (state === undefined) {
      state = { identity: this.#identity!, next: 0, hasBegun: false, inFlight: [], isUnresolved: false, isToRewrite: false };
      this.#partitions.set(batch.key, state);
    } else if (state.identity !== this.#identity) this.#begin(state);
    this.#number(state, batch);
    state.inFlight.push(batch);
  }

  succeeded(batch: Batch): void {
    const state = this.#remove(batch);
    if (state === undefined) return;
    state.hasBegun = true;
    this.#settle(state);
  }

  /** What becomes of a batch that was refused, or whose answer was lost. */
  refused(batch: Batch, code: number, isRetriable: boolean): Verdict {
    const state = this.#partitions.get(batch.key);
    if (code === errorCodes.DUPLICATE_SEQUENCE_NUMBER) return "duplicate";
    if (state === undefined) return isRetriable ? "retry" : "fail";
    const isSequenceLost = code === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER || code === errorCodes.UNKNOWN_PRODUCER_ID;
    const isEpochLost = code === errorCodes.INVALID_PRODUCER_EPOCH && !this.#isTransactional;
    if (!isSequenceLost && !isEpochLost) return isRetriable ? "retry" : "fail";
    // Behind another that failed, or refused for the number it had before: the next attempt is for the right place with the right number.
    if (isSequenceLost && (state.inFlight[0] !== batch || batch.isRenumbered)) {
      batch.isRenumbered = false;
      return "retry";
    }
    if (this.#isTransactional) return "fail";
    this.#wantsBump = true;
    state.isToRewrite = true;
    return "bump";
  }

  /** The batch is given up. `wasAppended`: undefined when nobody knows. */
  gaveUp(batch: Batch, wasAppended: false | undefined): void {
    if (batch.baseSequence < 0) return;
    const state = this.#remove(batch);
    if (state === undefined) return;
    if (wasAppended === undefined) state.isUnresolved = true;
    else {
      // Those behind it move up; on their way they are refused for the gap, and come back with the new number.
      for (const later of state.inFlight) {
        if (!isBehind(later.baseSequence, batch.baseSequence)) continue;
        later.baseSequence = addSequence(later.baseSequence, -batch.recordCount);
        later.isRenumbered = true;
      }
      state.next = addSequence(state.next, -batch.recordCount);
    }
    this.#settle(state);
  }

  replaced(batch: Batch, by: readonly Batch[]): void {
    const inFlight = this.#partitions.get(batch.key)?.inFlight;
    const at = inFlight?.indexOf(batch) ?? -1;
    if (at >= 0) inFlight?.splice(at, 1, ...by);
  }

  /** Nothing of the partition is in flight any more: what is unknown stays so, and only a new epoch helps. */
  #settle(state: PartitionState): void {
    if (!state.isUnresolved || state.inFlight.length > 0) return;
    state.isUnresolved = false;
    if (this.#isTransactional) return;
    this.#wantsBump = true;
    state.isToRewrite = true;
  }

  #remove(batch: Batch): PartitionState | undefined {
    const state = this.#partitions.get(batch.key);
    const at = state?.inFlight.indexOf(batch) ?? -1;
    if (state === undefined || at < 0) return undefined;
    state.inFlight.splice(at, 1);
    return state;
  }

  #begin(state: PartitionState): void {
    state.identity = this.#identity!;
    state.next = 0;
    state.hasBegun = false;
    state.isToRewrite = false;
    state.isUnresolved = false;
  }

  #number(state: PartitionState, batch: Batch): void {
    batch.identity = state.identity;
    batch.baseSequence = state.next;
    state.next = addSequence(state.next, batch.recordCount);
  }
}
