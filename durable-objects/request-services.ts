/**
 * A request's own view of the broker's services. It knows which reads were made for the request, so that their memory is given back
 * when the answer has left and their long polls end with the connection, and it tells when the request's records are in line.
 */
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "../core/broker/interface.ts";
import type { TopicCatalog } from "../core/cluster/catalog.ts";
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { BatchCoordinator, Extent } from "../core/coordinator.ts";
import type { GroupClient } from "../core/group/group-client.ts";
import type { VerifiedPartitions } from "../core/broker/verified-partitions.ts";
import type { Settings } from "../core/settings.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import type { BrokerServices } from "./handler.ts";

/** Who keeps account of reads: the broker's runner, or a fake. */
export interface ReadLedger {
  beginRead(request: ReadRequest): { readonly id: number; readonly outcomes: Promise<readonly ReadOutcome[]> };
  /** The client is gone and nobody waits for the read. */
  cancelRead(id: number): void;
  /** The bytes of the read were sent or dropped. */
  releaseRead(id: number): void;
}

export class RequestServices implements BrokerServices {
  readonly #shared: BrokerServices;
  readonly #ledger: ReadLedger;
  readonly #onAppended: (() => void) | undefined;
  #pending: Set<number> | undefined;
  #finished: number[] | undefined;
  #abandoned = false;

  constructor(shared: BrokerServices, ledger: ReadLedger, onAppended: (() => void) | undefined) {
    this.#shared = shared;
    this.#ledger = ledger;
    this.#onAppended = onAppended;
  }

  get nodeId(): number {
    return this.#shared.nodeId;
  }

  get settings(): Settings {
    return this.#shared.settings;
  }

  get throttleMs(): number {
    return this.#shared.throttleMs;
  }

  get catalog(): TopicCatalog {
    return this.#shared.catalog;
  }

  get controller(): ControllerClient {
    return this.#shared.controller;
  }

  coordinator(cell: number): BatchCoordinator {
    return this.#shared.coordinator(cell);
  }

  group(groupId: string): GroupClient {
    return this.#shared.group(groupId);
  }

  transaction(transactionalId: string): TransactionClient {
    return this.#shared.transaction(transactionalId);
  }

  get verified(): VerifiedPartitions {
    return this.#shared.verified;
  }

  nextProducerId(): Promise<number> {
    return this.#shared.nextProducerId();
  }

  readExtent(extent: Extent): Promise<Uint8Array> {
    return this.#shared.readExtent(extent);
  }

  append(items: readonly AppendItem[]): Promise<readonly AppendOutcome[]> {
    const outcomes = this.#shared.append(items);
    this.#onAppended?.();
    return outcomes;
  }

  async read(request: ReadRequest): Promise<readonly ReadOutcome[]> {
    if (this.#abandoned) return await new Promise(() => {});
    const { id, outcomes } = this.#ledger.beginRead(request);
    this.#pending ??= new Set();
    this.#pending.add(id);
    const result = await outcomes;
    this.#pending?.delete(id);
    if (this.#abandoned) this.#ledger.releaseRead(id);
    else (this.#finished ??= []).push(id);
    return result;
  }

  /** The answer has left. */
  release(): void {
    for (const id of this.#finished ?? []) this.#ledger.releaseRead(id);
    this.#finished = undefined;
  }

  /** There will be no answer, or nobody to get it. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.release();
    for (const id of this.#pending ?? []) this.#ledger.cancelRead(id);
    this.#pending = undefined;
  }
}
