/** What a transactional id's coordinator is told, and what it wants done. */
import type { PartitionRef } from "../coordinator.ts";
import type { AdmissionRequest } from "./admission.ts";
import type { EndRequest, InitProducerIdRequest } from "./requests.ts";

/** Every request is answered once, by a reply with its id: now or after other events. */
export type TransactionRequest =
  | { readonly kind: "init-producer-id"; readonly request: InitProducerIdRequest }
  | { readonly kind: "admit"; readonly request: AdmissionRequest }
  | { readonly kind: "end"; readonly request: EndRequest }
  | { readonly kind: "describe" }
  | { readonly kind: "list" };

/** Of the call with this id: everything it was about has been answered for good, or it must be made again. */
export interface CallAnswered {
  readonly kind: "call-answered";
  readonly callId: number;
  readonly isDone: boolean;
}

export type TransactionEvent = (TransactionRequest & { readonly requestId: number }) | CallAnswered | { readonly kind: "alarm" };

/** How a transaction ended, for those who hold a part of it. */
export interface TransactionEnd {
  readonly producerId: number;
  /** The producer's from here on. */
  readonly producerEpoch: number;
  readonly generation: number;
  readonly commit: boolean;
}

export type EndCall = { readonly callId: number; readonly end: TransactionEnd } & (
  | { readonly kind: "markers"; readonly cell: number; readonly partitions: readonly PartitionRef[] }
  | { readonly kind: "offsets"; readonly groupId: string }
);

/** The shell writes the row before it does anything else. */
export type TransactionEffect =
  | { readonly kind: "row"; readonly value: string }
  /** The transactional id is forgotten: remove its row. */
  | { readonly kind: "wipe" }
  | { readonly kind: "reply"; readonly requestId: number; readonly answer: unknown }
  | { readonly kind: "call"; readonly call: EndCall };
