/**
 * The two indexes beside a segment, byte for byte as Apache Kafka 4 would have written them while appending the same batches: an entry
 * once more than index.interval.bytes have passed, and the latest time of all at the end. docs/formats/segment.md has the layout.
 */
import { viewOf, writeInt64 } from "../../kernel/batch-layout.ts";

/** Kafka's default of index.interval.bytes. */
export const indexIntervalBytes = 4096;

const indexEntryBytes = 8;
const timeEntryBytes = 12;

export class SegmentIndex {
  readonly #baseOffset: number;
  #offsets = new Uint8Array(indexEntryBytes * 64);
  #offsetBytes = 0;
  #times = new Uint8Array(timeEntryBytes * 64);
  #timeBytes = 0;
  #position = 0;
  #bytesSinceEntry = 0;
  #maxTimestamp = -1;
  #offsetOfMaxTimestamp: number;
  #lastTimeEntry = -1;

  constructor(baseOffset: number) {
    this.#baseOffset = baseOffset;
    this.#offsetOfMaxTimestamp = baseOffset;
  }

  get heldBytes(): number {
    return this.#offsets.length + this.#times.length;
  }

  /** The next batch of the segment. */
  add(size: number, lastOffset: number, maxTimestamp: number): void {
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp;
      this.#offsetOfMaxTimestamp = lastOffset;
    }
    if (this.#bytesSinceEntry > indexIntervalBytes) {
      this.#addOffset(lastOffset);
      this.#addTime();
      this.#bytesSinceEntry = 0;
    }
    this.#position += size;
    this.#bytesSinceEntry += size;
  }

  #addOffset(lastOffset: number): void {
    if (this.#offsetBytes + indexEntryBytes > this.#offsets.length) this.#offsets = doubled(this.#offsets);
    const view = viewOf(this.#offsets);
    view.setInt32(this.#offsetBytes, lastOffset - this.#baseOffset);
    view.setInt32(this.#offsetBytes + 4, this.#position);
    this.#offsetBytes += indexEntryBytes;
  }

  #addTime(): void {
    if (this.#maxTimestamp <= this.#lastTimeEntry) return;
    this.#lastTimeEntry = this.#maxTimestamp;
    if (this.#timeBytes + timeEntryBytes > this.#times.length) this.#times = doubled(this.#times);
    const view = viewOf(this.#times);
    writeInt64(view, this.#timeBytes, this.#maxTimestamp);
    view.setInt32(this.#timeBytes + 8, this.#offsetOfMaxTimestamp - this.#baseOffset);
    this.#timeBytes += timeEntryBytes;
  }

  /** After the last batch. */
  finish(): { readonly index: Uint8Array; readonly timeIndex: Uint8Array } {
    this.#addTime();
    return { index: this.#offsets.slice(0, this.#offsetBytes), timeIndex: this.#times.slice(0, this.#timeBytes) };
  }
}

function doubled(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}
