/**
 * The contract between the broker (which owns sockets, buffers and caches) and the Kafka APIs (one file each in worker/handlers).
 * It stands here because the arrow runs from worker/ to durable-objects/: the broker is handed its handlers, it imports none.
 */
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "../core/broker/interface.ts";
import type { BatchCoordinator, Extent } from "../core/coordinator.ts";
import type { TopicCatalog } from "../core/cluster/catalog.ts";
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { GroupClient } from "../core/group/group-client.ts";
import type { VerifiedPartitions } from "../core/broker/verified-partitions.ts";
import type { MutationAnswer } from "../core/quota/client-quotas.ts";
import { operatingErrorKind } from "../core/operating-error.ts";
import type { Settings } from "../core/settings.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import type { ApiSchema } from "../protocol/schema.ts";

/** What a connection said or was told when it opened; kept in the socket's attachment across hibernation. */
export interface ConnectionFacts {
  readonly id: string;
  readonly cluster: string;
  /** The zone the connection came in through; a client id with diskless_az=… overrules it (D14). */
  readonly zone: string;
  /** Host and base port to render in metadata: node n of the zone is advertisedHost:advertisedBasePort + n (D2). */
  readonly advertisedHost: string;
  readonly advertisedBasePort: number;
  readonly clientAddress: string;
  readonly transport: "tcp" | "websocket" | "in-process";
}

export interface RequestContext {
  readonly connection: ConnectionFacts;
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** What the client's quota lets one fetch bring; Infinity without one. */
  readonly fetchBytesMax: number;
  /** Whether so many partitions may be made or deleted (controller_mutation_rate). */
  mutate(partitions: number, isStrict: boolean): MutationAnswer;
  /** diskless_az of the client id, or the connection's zone. */
  readonly zone: string;
  /** Milliseconds since 1970 when the request arrived. */
  readonly nowMs: number;
  readonly services: BrokerServices;
}

export interface BrokerServices {
  readonly nodeId: number;
  readonly settings: Settings;
  /** What to say as throttle_time_ms in answers to Produce and Fetch: above 0 while the broker's memory is nearly spent (I8). */
  readonly throttleMs: number;
  readonly catalog: TopicCatalog;
  readonly controller: ControllerClient;
  coordinator(cell: number): BatchCoordinator;
  group(groupId: string): GroupClient;
  transaction(transactionalId: string): TransactionClient;
  /** Of whose transactions this broker has the coordinator's word. */
  readonly verified: VerifiedPartitions;
  /** A producer id that nobody else gets. */
  nextProducerId(): Promise<number>;
  append(items: readonly AppendItem[]): Promise<readonly AppendOutcome[]>;
  read(request: ReadRequest): Promise<readonly ReadOutcome[]>;
  /** Bytes of one extent with final offsets, through the cache (time look-ups). */
  readExtent(extent: Extent): Promise<Uint8Array>;
}

/**
 * One Kafka API. `handle` gets the decoded request and answers the response body, or undefined for no response at all (acks=0).
 * A thrown error closes the connection and is logged: Kafka outcomes are values.
 */
export interface Handler<Request = unknown, Response = unknown> {
  readonly api: ApiSchema;
  /** The versions advertised and served; within the schema's range. */
  readonly versions: readonly [min: number, max: number];
  /** Advertised from here though served from versions[0] (Produce, KAFKA-18659). */
  readonly advertisedMin?: number;
  handle(request: Request, context: RequestContext): Promise<Response | undefined> | Response | undefined;
  /** What is answered when the controller or a leader could not be reached: an error for each item, upon which clients ask again. */
  unreachable?(request: Request, context: RequestContext): Response | undefined;
}

/** What stands for the answer of a handler that failed; undefined when nothing can be said and the connection must close. */
export function standIn(handler: Handler, request: unknown, context: RequestContext, error: unknown): unknown {
  return operatingErrorKind(error) === "retry" ? handler.unreachable?.(request, context) : undefined;
}
