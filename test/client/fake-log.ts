/**
 * One partition's log as a Kafka broker keeps it for idempotent producers: the sequence is checked with the append, the last five
 * batches of a producer are remembered, a gap is refused. It is what the sender is played against, with all the misfortune in between.
 */
import { readBatchHeader } from "../../kernel/batch-layout.ts";
import { visibleBatches } from "../../client/records/batch-reader.ts";
import { RecordCursor } from "../../client/records/batch-reader.ts";
import { batchField } from "../../kernel/batch-layout.ts";
import { errorCodes } from "../../protocol/errors.ts";

interface ProducerEntry {
  epoch: number;
  next: number;
  last: { sequence: number; count: number; baseOffset: number }[];
}

const decoder = new TextDecoder();

export class FakeLog {
  readonly values: string[] = [];
  readonly #producers = new Map<number, ProducerEntry>();

  /** The broker loses what it knew of producers, as when their state expires. */
  forget(): void {
    this.#producers.clear();
  }

  append(batch: Uint8Array): { errorCode: number; baseOffset: number } {
    const header = readBatchHeader(new DataView(batch.buffer, batch.byteOffset, batch.byteLength), 0);
    const { producerId, producerEpoch, baseSequence, recordCount } = header;
    if (producerId >= 0) {
      const known = this.#producers.get(producerId);
      if (known !== undefined && producerEpoch < known.epoch) return refusal(errorCodes.INVALID_PRODUCER_EPOCH);
      const duplicate =
        known?.epoch === producerEpoch
          ? known.last.find(({ sequence, count }) => sequence === baseSequence && count === recordCount)
          : undefined;
      if (duplicate !== undefined) return { errorCode: 0, baseOffset: duplicate.baseOffset };
      const expected = known === undefined ? undefined : known.epoch === producerEpoch ? known.next : 0;
      if (expected !== undefined && baseSequence !== expected) return refusal(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER);
      // Who is not known may begin anywhere, as with Kafka.
      const entry = known?.epoch === producerEpoch ? known : { epoch: producerEpoch, next: 0, last: [] };
      entry.next = baseSequence + recordCount;
      entry.last = [...entry.last, { sequence: baseSequence, count: recordCount, baseOffset: this.values.length }].slice(-5);
      this.#producers.set(producerId, entry);
    }
    const baseOffset = this.values.length;
    for (const { header: each, bytes } of visibleBatches(batch, null).visible) {
      const cursor = new RecordCursor(each, bytes.subarray(batchField.records));
      while (cursor.next()) this.values.push(decoder.decode(cursor.value!));
    }
    return { errorCode: 0, baseOffset };
  }
}

function refusal(errorCode: number): { errorCode: number; baseOffset: number } {
  return { errorCode, baseOffset: -1 };
}
