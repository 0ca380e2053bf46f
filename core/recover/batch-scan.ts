/**
 * Walks one range of an object that comes bit by bit: every batch that is whole and good is found, whatever else is there is damage. Holds
 * at most one batch that has not come to its end.
 */
import { attributeMask, batchField, batchSizeAt, prologueBytes, readBatchHeader, viewOf } from "../../kernel/batch-layout.ts";
import type { BatchHeader, Kernel } from "../../kernel/interface.ts";

export interface FoundBatch extends BatchHeader {
  readonly crc: number;
  /** Of a transaction's marker: how it ended. */
  readonly marker: "commit" | "abort" | undefined;
}

export interface ScanHost {
  /** `position` of the batch in the object. */
  found(batch: FoundBatch, position: number): void;
  damaged(position: number, message: string): void;
}

const nothing = new Uint8Array(0);

export class BatchScan {
  readonly #kernel: Pick<Kernel, "crc32c" | "records">;
  readonly #host: ScanHost;
  readonly #end: number;
  #position: number;
  #rest: Uint8Array = nothing;
  /** What follows a length that cannot be is not looked at. */
  #lost = false;

  constructor(kernel: Pick<Kernel, "crc32c" | "records">, start: number, byteLength: number, host: ScanHost) {
    this.#kernel = kernel;
    this.#position = start;
    this.#end = start + byteLength;
    this.#host = host;
  }

  push(bytes: Uint8Array): void {
    if (this.#lost) return;
    const joined = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    const view = viewOf(joined);
    let at = 0;
    for (;;) {
      const size = batchSizeAt(view, at, joined.length);
      if (size < 0) break;
      this.#batch(joined.subarray(at, at + size));
      at += size;
      this.#position += size;
    }
    this.#rest = at === joined.length ? nothing : joined.slice(at);
    this.#judgeRest();
  }

  #judgeRest(): void {
    if (this.#rest.length < batchField.magic) return;
    const length = viewOf(this.#rest).getInt32(batchField.batchLength);
    const isPossible = length >= batchField.records - prologueBytes && this.#position + prologueBytes + length <= this.#end;
    if (!isPossible) this.#lose(`a batch of ${length} bytes`);
  }

  /** All bytes of the range have come. */
  end(): void {
    if (!this.#lost && this.#position < this.#end) this.#lose("no whole batch");
  }

  #lose(message: string): void {
    this.#lost = true;
    this.#rest = nothing;
    this.#host.damaged(this.#position, `${message}; ${this.#end - this.#position} bytes are given up`);
  }

  #batch(bytes: Uint8Array): void {
    const view = viewOf(bytes);
    const crc = view.getUint32(batchField.crc);
    const isGood =
      view.getInt8(batchField.magic) === 2 &&
      view.getInt32(batchField.lastOffsetDelta) >= 0 &&
      this.#kernel.crc32c(bytes.subarray(batchField.attributes)) >>> 0 === crc;
    if (!isGood) {
      this.#host.damaged(this.#position, "a batch with a wrong CRC");
      return;
    }
    const header = readBatchHeader(view, 0);
    this.#host.found({ ...header, crc, marker: this.#markerOf(header, bytes) }, this.#position);
  }

  #markerOf(header: BatchHeader, bytes: Uint8Array): FoundBatch["marker"] {
    if ((header.attributes & attributeMask.control) === 0) return undefined;
    const [record] = this.#kernel.records(header, bytes.subarray(batchField.records));
    const key = record?.key;
    if (key?.length !== 4) return undefined;
    const type = viewOf(key).getInt16(2);
    return type === 0 ? "abort" : type === 1 ? "commit" : undefined;
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
