/**
 * Reads what the bucket has of a lost cell's partitions and lets core/recover put their logs together (D9, decision 11): write-ahead
 * objects in the order in which their batches are to stand, then merged objects and segments, newest first. Holds a window of one object.
 */
import type { DoomedRange } from "../core/cluster/wal-garbage.ts";
import type { BrokerIdentity } from "../core/coordinator.ts";
import { BatchScan, type FoundBatch } from "../core/recover/batch-scan.ts";
import type { Findings } from "../core/recover/findings.ts";
import { LostTransactions } from "../core/recover/lost-transactions.ts";
import { ownObjectsOf, walObjectsOf } from "../core/recover/object-order.ts";
import { CellRebuild, type RebuiltCell } from "../core/recover/rebuild-cell.ts";
import type { LostPartition } from "../core/recover/recovered.ts";
import type { TransactionDescription } from "../core/transaction/requests.ts";
import { decodeFooter, type ObjectFooter, type WalExtent, type WalIdentity } from "../core/wal/format.ts";
import type { Kernel } from "../kernel/interface.ts";
import type { ListedObject, ObjectStore } from "../storage/object-store.ts";

export interface RecoverRequest {
  readonly newCell: number;
  /** Cells in which the partitions have been: lost ones, all of them. */
  readonly cells: readonly number[];
  readonly partitions: readonly LostPartition[];
  readonly fences: readonly BrokerIdentity[];
  /** Write-ahead objects that nobody needed before, and that may be deleted at any time. */
  readonly doomed: readonly DoomedRange[];
  readonly transactions: readonly TransactionDescription[];
  readonly offsetGap: number;
  readonly producerExpirationMs: number;
}

export interface ObjectFault {
  readonly key: string;
  readonly message: string;
}

export interface CellRecovery extends RebuiltCell {
  /** Read for it. */
  readonly objects: number;
  readonly bytes: number;
  readonly faults: readonly ObjectFault[];
}

type Recoverer = Pick<Kernel, "crc32c" | "records">;

const windowBytes = 8 * 1024 * 1024;
const tailBytes = 64 * 1024;

export async function recoverCell(
  request: RecoverRequest,
  store: Pick<ObjectStore, "get" | "list">,
  kernel: Recoverer,
  nowMs: number,
): Promise<CellRecovery> {
  const reader = new LostCellReader(request, store, kernel);
  await reader.read();
  const { offsetGap, producerExpirationMs, fences } = request;
  const transactions = new LostTransactions(request.transactions);
  const rebuilt = reader.rebuild.finish({ offsetGap, nowMs, producerExpirationMs, transactions }, fences, kernel.crc32c);
  return { ...rebuilt, objects: reader.objects, bytes: reader.bytes, faults: reader.faults };
}

class LostCellReader {
  readonly rebuild: CellRebuild;
  readonly faults: ObjectFault[] = [];
  objects = 0;
  bytes = 0;
  readonly #request: RecoverRequest;
  readonly #store: Pick<ObjectStore, "get" | "list">;
  readonly #kernel: Recoverer;

  constructor(request: RecoverRequest, store: Pick<ObjectStore, "get" | "list">, kernel: Recoverer) {
    this.#request = request;
    this.#store = store;
    this.#kernel = kernel;
    this.rebuild = new CellRebuild(request.newCell, request.partitions);
  }

  async read(): Promise<void> {
    const { cells, partitions, doomed } = this.#request;
    for (const { object, source, orderMs } of walObjectsOf(await this.#list("wal/"))) {
      if (doomed.some((range) => isWithin(range, source))) continue;
      await this.#footed(object, source, (findings, batch, place, position) => findings.wait(batch, place, position, orderMs));
    }
    const own = ownObjectsOf([...(await this.#list("merged/")), ...(await this.#list("segment/"))], cells, partitions);
    for (const { object, source } of own) {
      const isSegment = source.kind === "segment";
      const keep: Take = (findings, batch, place, position) => findings.keep(batch, place, position, isSegment);
      if (source.kind === "segment") {
        const { topicId, partition } = source;
        await this.#scan(object, source, [{ topicId, partition, byteStart: 0, byteLength: object.size }], keep);
      } else await this.#footed(object, source, keep);
    }
  }

  async #list(prefix: string): Promise<ListedObject[]> {
    const found: ListedObject[] = [];
    let startAfter: string | undefined;
    do {
      const { objects, next } = await this.#store.list(prefix, startAfter === undefined ? {} : { startAfter });
      found.push(...objects);
      startAfter = next;
    } while (startAfter !== undefined);
    return found;
  }

  /** What its footer says to be of the lost partitions. */
  async #footed(object: ListedObject, source: Parameters<CellRebuild["addSource"]>[0], take: Take): Promise<void> {
    const footer = await this.#footer(object);
    if (footer !== undefined) await this.#scan(object, source, footer.extents, take);
  }

  async #footer({ key, size }: ListedObject): Promise<ObjectFooter | undefined> {
    let length = Math.min(tailBytes, size);
    for (;;) {
      const tail = await this.#store.get(key, { start: size - length, length });
      if (tail?.length !== length) return this.#fault(key, tail === undefined ? "no such object" : "shorter than it was listed");
      const decoded = decodeFooter(tail, size, this.#kernel.crc32c);
      if (decoded.ok === true) return decoded.footer;
      if (decoded.ok === false) return this.#fault(key, decoded.damage.message);
      length = decoded.need;
    }
  }

  async #scan(
    { key }: ListedObject,
    source: Parameters<CellRebuild["addSource"]>[0],
    extents: readonly Pick<WalExtent, "topicId" | "partition" | "byteStart" | "byteLength">[],
    take: Take,
  ): Promise<void> {
    const lost = extents.filter((extent) => extent.byteLength > 0 && this.rebuild.findings(extent) !== undefined);
    if (lost.length === 0) return;
    this.objects += 1;
    const place = this.rebuild.addSource(source);
    const window = new Window(this.#store, key, lost.at(-1)!.byteStart + lost.at(-1)!.byteLength);
    for (const extent of lost) {
      const findings = this.rebuild.findings(extent)!;
      const scan = new BatchScan(this.#kernel, extent.byteStart, extent.byteLength, {
        found: (batch, position) => take(findings, batch, place, position),
        damaged: (position, message) => this.#fault(key, `at ${position}: ${message}`),
      });
      const end = extent.byteStart + extent.byteLength;
      for (let at = extent.byteStart; at < end;) {
        const bytes = await window.from(at, end);
        if (bytes === undefined) return this.#fault(key, "no such object, or shorter than its footer says");
        scan.push(bytes);
        this.bytes += bytes.length;
        at += bytes.length;
      }
      scan.end();
    }
  }

  #fault(key: string, message: string): undefined {
    this.faults.push({ key, message });
  }
}

function isWithin({ brokerId, brokerEpoch, from, below }: DoomedRange, identity: WalIdentity): boolean {
  if (identity.brokerId !== brokerId || identity.brokerEpoch !== brokerEpoch) return false;
  return identity.sequence >= from && (below === null || identity.sequence < below);
}

type Take = (findings: Findings, batch: FoundBatch, source: number, position: number) => void;

/** The part of an object that was read last: extents are small, and lie one behind the other. */
class Window {
  readonly #store: Pick<ObjectStore, "get">;
  readonly #key: string;
  readonly #end: number;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(store: Pick<ObjectStore, "get">, key: string, end: number) {
    this.#store = store;
    this.#key = key;
    this.#end = end;
  }

  /** The next bytes from there on, up to `end` at most. Undefined: they are not there. */
  async from(at: number, end: number): Promise<Uint8Array | undefined> {
    if (at < this.#start || at >= this.#start + this.#bytes.length) {
      const length = Math.min(windowBytes, this.#end - at);
      const bytes = await this.#store.get(this.#key, { start: at, length });
      if (bytes === undefined || bytes.length === 0) return undefined;
      this.#start = at;
      this.#bytes = bytes;
    }
    return this.#bytes.subarray(at - this.#start, Math.min(end, this.#start + this.#bytes.length) - this.#start);
  }
}
