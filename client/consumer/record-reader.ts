/**
 * Hands out what was fetched, record by record or batch by batch. Asking for the next says that the last is done with; between the two
 * the gate is shut, so that nobody takes a partition away under a record. A record costs no promise chain: only a new batch does.
 */
import { SerializationError, StateError, asError } from "../errors.ts";
import { RecordCursor, openBatch } from "../records/batch-reader.ts";
import type { ConsumerRecord } from "../records/record.ts";
import type { Serializer } from "../serializers.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Gate } from "./gate.ts";
import type { ConsumerBatch } from "./options.ts";
import type { Chunk, PartitionState } from "./partition-state.ts";

export interface RecordReaderOptions<Key, Value> {
  readonly fetcher: Fetcher;
  readonly gate: Gate;
  readonly key: Serializer<Key>;
  readonly value: Serializer<Value>;
  /** Undefined, or resolves when it is known again that the partitions are still this consumer's. */
  readonly whenSure: () => Promise<void> | undefined;
  /** The same as a question that costs nothing, as far as has been noticed. */
  readonly isSure: () => boolean;
  /** The caller wants records. */
  readonly onAsked: () => void;
}

/** The chunk that is being read, and its open batch. */
interface Reading {
  readonly chunk: Chunk;
  nextBatch: number;
  cursor: RecordCursor | undefined;
}

/** Handed out, and not known to be done with. */
interface Given {
  readonly state: PartitionState;
  readonly token: number;
  nextOffset: number;
}

const done = { done: true, value: undefined } as const;

export class RecordReader<Key, Value> {
  readonly #options: RecordReaderOptions<Key, Value>;
  #reading: Reading | undefined;
  #given: Given | undefined;
  readonly #failures: Error[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;
  isAsking = false;
  /** Asked for a record or was given one, since somebody set it to false. */
  hasAsked = false;

  constructor(options: RecordReaderOptions<Key, Value>) {
    this.#options = options;
  }

  /** There may be something to hand out. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** The caller hears of it when it asks next. The same failure again and again is one, until then. */
  fail(error: Error): void {
    if (this.#failures.every(({ message }) => message !== error.message)) this.#failures.push(error);
    this.wake();
  }

  end(): void {
    this.#isEnded = true;
    this.wake();
  }

  /** Whether the last record was dealt with nobody can know: it is not counted as done, unless the caller commits. */
  leaveLoop(): typeof done {
    this.#options.gate.leave();
    return done;
  }

  next(): Promise<IteratorResult<ConsumerRecord<Key, Value>, undefined>> {
    const cursor = this.#reading?.cursor;
    const given = this.#given;
    const { gate, isSure } = this.#options;
    const isPlain = !gate.isClosed && !this.#isEnded && this.#failures.length === 0 && isSure();
    if (!isPlain || cursor === undefined || given === undefined) return this.#nextSlowly();
    const { state, token } = given;
    if (state.token !== token || state.isPaused) return this.#nextSlowly();
    try {
      if (!cursor.next()) return this.#nextSlowly();
      state.doneOffset = given.nextOffset;
      this.hasAsked = true;
      return Promise.resolve({ done: false, value: this.#give(given, cursor) });
    } catch (error) {
      this.#dropGiven();
      return Promise.reject(asError(error));
    }
  }

  async #nextSlowly(): Promise<IteratorResult<ConsumerRecord<Key, Value>, undefined>> {
    for (;;) {
      const reading = await this.#nextReading();
      if (reading === undefined) return done;
      const { state, token } = reading.chunk;
      const cursor = reading.cursor!;
      const from = state.deliveredOffset ?? 0;
      try {
        while (cursor.next()) {
          // A batch may begin before the offset that was asked for.
          if (cursor.offset < from) continue;
          this.#given = { state, token, nextOffset: cursor.offset };
          return { done: false, value: this.#give(this.#given, cursor) };
        }
      } catch (error) {
        this.#dropGiven();
        throw error;
      }
      reading.cursor = undefined;
    }
  }

  async nextBatch(): Promise<IteratorResult<ConsumerBatch<Key, Value>, undefined>> {
    for (;;) {
      const reading = await this.#nextReading();
      if (reading === undefined) return done;
      const { state, token } = reading.chunk;
      const records: ConsumerRecord<Key, Value>[] = [];
      const error = this.#readAll(state, reading.cursor!, records);
      if (error === undefined) reading.cursor = undefined;
      // Records before one that cannot be read are handed out first.
      else if (records.length === 0) {
        this.#dropGiven();
        throw error;
      } else this.#failures.push(error);
      const last = records.at(-1);
      if (last === undefined) continue;
      const nextOffset = last.offset + 1;
      this.#given = { state, token, nextOffset };
      state.deliveredOffset = nextOffset;
      const { topic, partition, highWatermark } = state;
      return { done: false, value: { topic, partition, records, highWatermark } };
    }
  }

  #readAll(state: PartitionState, cursor: RecordCursor, into: ConsumerRecord<Key, Value>[]): Error | undefined {
    const from = state.deliveredOffset ?? 0;
    try {
      while (cursor.next()) if (cursor.offset >= from) into.push(this.#record(state, cursor));
      return undefined;
    } catch (error) {
      return asError(error);
    }
  }

  #give(given: Given, cursor: RecordCursor): ConsumerRecord<Key, Value> {
    const record = this.#record(given.state, cursor);
    given.nextOffset = record.offset + 1;
    given.state.deliveredOffset = given.nextOffset;
    return record;
  }

  #record({ topic, partition }: PartitionState, cursor: RecordCursor): ConsumerRecord<Key, Value> {
    const { offset, timestamp, key, value } = cursor;
    try {
      return {
        topic,
        partition,
        offset,
        timestamp,
        key: key === null ? null : this.#options.key.deserialize(key, topic),
        value: value === null ? null : this.#options.value.deserialize(value, topic),
        headers: cursor.headers(),
      };
    } catch (error) {
      const where = `${topic}-${partition} offset ${offset}`;
      throw new SerializationError(`the record at ${where} cannot be read: ${asError(error).message}`, { cause: error });
    }
  }

  /** What the caller was given is done with. Waits for the next batch that has records to give; undefined: there will be none. */
  async #nextReading(): Promise<Reading | undefined> {
    if (this.isAsking) throw new StateError("one at a time: the last call of next() has not been answered");
    this.isAsking = true;
    this.hasAsked = true;
    try {
      this.#finishGiven();
      // Who has failed begins again only when the caller, having heard of it, asks again.
      if (this.#failures.length === 0) this.#options.onAsked();
      for (;;) {
        await this.#options.gate.pass();
        if (this.#isEnded) return undefined;
        const failure = this.#failures.shift();
        if (failure !== undefined) throw failure;
        const sure = this.#options.whenSure();
        if (sure !== undefined) {
          await Promise.race([sure, this.#woken()]);
          continue;
        }
        const reading = this.#reading ?? this.#beginChunk();
        if (reading === undefined) await this.#woken();
        else if (await this.#isReadable(reading)) {
          // A rebalance may have begun while the batch was opened.
          if (this.#options.gate.isClosed) continue;
          this.#options.gate.enter();
          this.hasAsked = true;
          return reading;
        }
      }
    } finally {
      this.isAsking = false;
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #beginChunk(): Reading | undefined {
    const chunk = this.#options.fetcher.take();
    if (chunk !== undefined) this.#reading = { chunk, nextBatch: 0, cursor: undefined };
    return this.#reading;
  }

  /** Opens the next batch where the last one is read out. False at the chunk's end, or when it is not to be read any more. */
  async #isReadable(reading: Reading): Promise<boolean> {
    const { chunk } = reading;
    const { state, token } = chunk;
    if (token !== state.token) {
      this.#endChunk(reading);
      return false;
    }
    if (state.isPaused) {
      // What is left of it is fetched again after the pause.
      this.#endChunk(reading);
      state.moveTo(state.deliveredOffset);
      return false;
    }
    if (reading.cursor !== undefined) return true;
    const batch = chunk.batches[reading.nextBatch];
    if (batch === undefined) {
      // Also behind what nobody may see.
      state.deliveredOffset = chunk.nextOffset;
      state.doneOffset = chunk.nextOffset;
      this.#endChunk(reading);
      return false;
    }
    reading.nextBatch += 1;
    const body = await openBatch(batch);
    if (token === state.token) reading.cursor = new RecordCursor(batch.header, body);
    return token === state.token;
  }

  #endChunk(reading: Reading): void {
    this.#reading = undefined;
    this.#options.fetcher.finished(reading.chunk);
  }

  /** The caller is told of a failure instead: it holds nothing that others would have to wait for. */
  #dropGiven(): void {
    this.#given = undefined;
    this.#options.gate.leave();
  }

  #finishGiven(): void {
    const given = this.#given;
    this.#given = undefined;
    if (given !== undefined && given.state.token === given.token) given.state.doneOffset = given.nextOffset;
    this.#options.gate.leave();
  }
}
