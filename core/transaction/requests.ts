/**
 * What handlers ask of a transactional id's coordinator and what it answers. Error codes are Kafka's newest; handlers turn them into
 * those that an older version knows. What brokers ask before they append stands in admission.ts.
 */
import type { TopicId } from "../coordinator.ts";
import type { TransactionStateName } from "./state.ts";

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/**
 * 1: partitions are added by the client, the epoch stays. 2: they are added by brokers, and the epoch grows with every end (KIP-890).
 * A client's requests tell which one it speaks; both may come under one id, one after the other.
 */
export type TransactionVersion = 1 | 2;

export interface InitProducerIdRequest {
  readonly timeoutMs: number;
  /** What a producer that recovers believes to be (KIP-360); undefined for one that starts. */
  readonly expected: ProducerIdentity | undefined;
  /** A producer id nobody has. Only brought once the coordinator has asked for it. */
  readonly newProducerId: number | undefined;
}

export interface ProducerIdAnswer extends ProducerIdentity {
  readonly errorCode: number;
  /** Nothing has happened: ask again with a new producer id. */
  readonly needsProducerId: boolean;
}

export interface EndRequest extends ProducerIdentity {
  readonly commit: boolean;
  readonly version: TransactionVersion;
  /**
   * Version 1: the number of the transaction that was going on when the client asked. The epoch is that of the next one too, which a
   * request that was on its way for long must not end. Undefined in version 2, where epochs tell transactions apart.
   */
  readonly generation: number | undefined;
  readonly newProducerId: number | undefined;
}

/** What those see who look at many. */
export interface TransactionListing {
  readonly state: TransactionStateName;
  readonly producerId: number;
  /** When the transaction that is going on began, or the last one; -1 when there was none. */
  readonly startedMs: number;
}

export interface TransactionDescription extends ProducerIdentity, TransactionListing {
  /** Of the transaction going on, or of the last one. */
  readonly generation: number;
  readonly timeoutMs: number;
  /** Of a transaction that is being ended: those whose leaders have not answered yet. */
  readonly topics: readonly { readonly topicId: TopicId; readonly partitions: readonly number[] }[];
}
