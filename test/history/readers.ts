/**
 * Readers straight on the wire: every partition from its first offset, every batch looked at. What is passed over is written down as
 * well, so that no offset may be missing; and which records read_committed is given is decided here by the protocol's own words.
 */
import type { DecodedResponse } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { kernel } from "../../kernel/kernel.ts";
import { type Isolation, lastReader } from "./happening.ts";
import type { Stage } from "./stage.ts";
import { endsOf, nameOf, placesOf, places, topics, valueIn } from "./topics.ts";
import { Refused, Wire, isRetriable } from "./wire.ts";

type Partition = DecodedResponse<typeof fetch>["body"]["responses"][number]["partitions"][number];

type Step =
  | { readonly kind: "record"; readonly offset: number; readonly value: string }
  | { readonly kind: "passed"; readonly offset: number; readonly count: number };

const controlBit = 0x20;
const transactionalBit = 0x10;
const headerBytes = 61;

/** The batches of an answer from `position` on: their records, or what is passed over; and where the next answer begins. */
export function readPartition(
  { records: set, abortedTransactions }: Partition,
  isolation: Isolation,
  position: number,
): { readonly steps: readonly Step[]; readonly next: number } {
  const records = set ?? new Uint8Array(0);
  const listed = isolation === "read_committed" ? [...(abortedTransactions ?? [])] : [];
  const aborted = new Set<number>();
  const steps: Step[] = [];
  let next = position;
  for (const header of kernel.batches(records)) {
    const { baseOffset, offsetCount, attributes, producerId, position: at, size } = header;
    const end = baseOffset + offsetCount;
    while (listed.length > 0 && Number(listed[0]!.firstOffset) < end) aborted.add(Number(listed.shift()!.producerId));
    const isControl = (attributes & controlBit) !== 0;
    const isPassed = isControl || ((attributes & transactionalBit) !== 0 && aborted.has(producerId));
    if (isControl) aborted.delete(producerId);
    // The first batch may begin before the position.
    if (end <= position) continue;
    const from = Math.max(baseOffset, position);
    if (isPassed) steps.push({ kind: "passed", offset: from, count: end - from });
    else
      for (const { offset, value } of kernel.records(header, records.subarray(at + headerBytes, at + size)))
        if (offset >= from) steps.push({ kind: "record", offset, value: valueIn(value) });
    next = end;
  }
  return { steps, next };
}

class Reader {
  readonly positions = new Map<string, number>();
  readonly #stage: Stage;
  readonly #name: string;
  readonly #isolation: Isolation;
  readonly #wire: Wire;

  constructor(stage: Stage, name: string, isolation: Isolation) {
    this.#stage = stage;
    this.#name = name;
    this.#isolation = isolation;
    this.#wire = new Wire(stage, name);
  }

  async round(maxWaitMs: number): Promise<void> {
    const { responses } = await this.#wire.call(fetch, 12, {
      maxWaitMs,
      minBytes: 1,
      maxBytes: 8 << 20,
      isolationLevel: this.#isolation === "read_committed" ? 1 : 0,
      topics: Object.keys(topics).map((topic) => ({
        topic,
        partitions: placesOf(topic).map((place) => ({
          partition: place.partition,
          fetchOffset: BigInt(this.positions.get(nameOf(place)) ?? 0),
          partitionMaxBytes: 1 << 20,
        })),
      })),
      forgottenTopicsData: [],
      rackId: "",
    });
    for (const { topic, partitions } of responses)
      for (const partition of partitions) this.#take(nameOf({ topic, partition: partition.partitionIndex }), partition);
  }

  #take(partition: string, answer: Partition): void {
    const { errorCode, lastStableOffset, highWatermark } = answer;
    if (isRetriable(errorCode)) return;
    if (errorCode !== errorCodes.NONE) throw new Refused(`${this.#name}: fetch of ${partition}`, errorCode);
    const [reader, isolation] = [this.#name, this.#isolation];
    const { steps, next } = readPartition(answer, isolation, this.positions.get(partition) ?? 0);
    for (const step of steps) {
      if (step.kind === "record") {
        const { offset, value } = step;
        this.#stage.record({ kind: "read", reader, isolation, partition, offset, value });
      } else {
        const { offset, count } = step;
        this.#stage.record({ kind: "passed", reader, partition, offset, count });
      }
    }
    this.positions.set(partition, next);
    const [stable, high] = [Number(lastStableOffset), Number(highWatermark)];
    this.#stage.record({ kind: "bounds", reader, broker: this.#wire.broker, partition, stable, high });
  }

  close(): void {
    this.#wire.close();
  }
}

export async function readAlong(stage: Stage, name: string, isolation: Isolation): Promise<void> {
  const reader = new Reader(stage, name, isolation);
  while (!stage.isOver) {
    try {
      await reader.round(stage.random.between(0, 300));
    } catch (error) {
      if (error instanceof Refused) throw error;
      await stage.pause();
    }
  }
  reader.close();
}

/** Everything once more, up to the end that everybody else agrees on; waits for transactions that are still being ended. */
export async function readToTheEnd(stage: Stage, isolation: Isolation): Promise<void> {
  const wire = new Wire(stage, "ends");
  const reader = new Reader(stage, lastReader[isolation], isolation);
  for (;;) {
    const [stable, high] = [await endsOf(wire, 1), await endsOf(wire, 0)];
    if (places.every((place) => stable.get(nameOf(place)) === high.get(nameOf(place)))) {
      const ends = isolation === "read_committed" ? stable : high;
      while (!places.every((place) => (reader.positions.get(nameOf(place)) ?? 0) >= ends.get(nameOf(place))!))
        await reader.round(100).catch(() => stage.pause());
      break;
    }
    await stage.pause();
  }
  wire.close();
  reader.close();
}
