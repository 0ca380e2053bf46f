/**
 * What is known of a transactional id, and its one row: every step overwrites the row before it is answered, so a coordinator that
 * was killed goes on exactly where it was. Names of states are Kafka's.
 */
import { type PartitionsRow, TransactionPartitions } from "./partitions.ts";

export type TransactionStateName = "Empty" | "Ongoing" | "PrepareCommit" | "PrepareAbort" | "CompleteCommit" | "CompleteAbort";

/** Those that a transaction may be seen in. */
export const stateNames: ReadonlySet<string> = new Set<TransactionStateName>([
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
]);
/** Kafka passes through two more, which are never seen here: fencing and forgetting are one step each. */
export const unseenStateNames: ReadonlySet<string> = new Set(["PrepareEpochFence", "Dead"]);

/** The largest epoch on the wire. It is never given to a producer: the coordinator must always be able to fence one. */
export const epochMax = 32_767;
export const noEpoch = -1;
export const noProducerId = -1;

export interface TransactionState {
  readonly name: TransactionStateName;
  readonly producerId: number;
  readonly producerEpoch: number;
  /** The epoch before the last bump, when whoever had it may still ask for the bump's outcome; else -1. */
  readonly lastProducerEpoch: number;
  /** The producer id before the last step. */
  readonly previousProducerId: number;
  /** The producer id from the end of this transaction on, when the epochs of this one are used up; else -1. */
  readonly nextProducerId: number;
  readonly timeoutMs: number;
  /** Transactions begun under this id, this one included. Leaders take no batch of an ended one (KIP-890). */
  readonly generation: number;
  /** When the transaction began; -1 when there is none. */
  readonly startedMs: number;
  readonly updatedMs: number;
  readonly partitions: TransactionPartitions;
  /** Groups whose offsets are part of the transaction. */
  readonly groups: readonly string[];
}

export function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= epochMax - 1;
}

export function isCompleting({ name }: TransactionState): boolean {
  return name === "PrepareCommit" || name === "PrepareAbort";
}

export function newState(producerId: number, timeoutMs: number, now: number): TransactionState {
  return {
    name: "Empty",
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: noEpoch,
    previousProducerId: noProducerId,
    nextProducerId: noProducerId,
    timeoutMs,
    generation: 0,
    startedMs: -1,
    updatedMs: now,
    partitions: new TransactionPartitions(),
    groups: [],
  };
}

/** A step: what changes, and what every step does. */
export function step(state: TransactionState, changes: Partial<TransactionState>, now: number): TransactionState {
  return { ...state, previousProducerId: state.producerId, ...changes, updatedMs: now };
}

interface StateRow extends Omit<TransactionState, "partitions"> {
  readonly partitions: PartitionsRow;
}

export function toRow(state: TransactionState): string {
  return JSON.stringify({ ...state, partitions: state.partitions.toRow() } satisfies StateRow);
}

export function fromRow(value: string): TransactionState {
  const row = JSON.parse(value) as StateRow;
  return { ...row, partitions: TransactionPartitions.fromRow(row.partitions) };
}
