/**
 * Who reads in a soak, on the wire, so that every batch is seen: one that stays at the tail of everything under read_committed, and ones
 * that begin at the first offset that there is, read as fast as they are answered, and begin again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openBatch, RecordCursor, visibleBatches } from "../../client/records/batch-reader.ts";
import { kernel } from "../../kernel/kernel.ts";
import type { DecodedResponse } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { Refused, Wire, isRetriable } from "../history/wire.ts";
import type { Soak } from "./producers.ts";
import { allPartitions, keptMs, nameOf, type Times, type Topic } from "./topics.ts";
import { idIn } from "./values.ts";

type Partition = DecodedResponse<typeof fetch>["body"]["responses"][number]["partitions"][number];

const earliest = -2n;
const latest = -1n;

/** The first or last offset of every partition. */
async function offsetsAt(wire: Wire, timestamp: bigint, isolationLevel = 1): Promise<Map<string, number>> {
  const asked = Map.groupBy(allPartitions, ({ topic }) => topic);
  const answer = await wire.insist(
    listOffsets,
    7,
    {
      replicaId: -1,
      isolationLevel,
      topics: [...asked].map(([name, places]) => ({
        name,
        partitions: places.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
      })),
    },
    ({ topics }) =>
      topics.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== errorCodes.NONE)?.errorCode ??
      errorCodes.NONE,
  );
  return new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, offset }) => [nameOf(name, partitionIndex), Number(offset)] as const),
    ),
  );
}

class Reader {
  readonly positions = new Map<string, number>();
  readonly wire: Wire;
  readonly #soak: Soak;
  readonly #isCommittedOnly: boolean;
  readonly #onRecord: (place: string, offset: number, id: number, key: Uint8Array | null) => void;
  /** Those that are gone: where they begin now has to be asked. */
  readonly gone = new Set<string>();

  constructor(
    soak: Soak,
    name: string,
    isCommittedOnly: boolean,
    onRecord: (place: string, offset: number, id: number, key: Uint8Array | null) => void = () => {},
  ) {
    this.#soak = soak;
    this.wire = new Wire(soak.stage, name);
    this.#isCommittedOnly = isCommittedOnly;
    this.#onRecord = onRecord;
  }

  async round(topics: readonly Topic[], maxWaitMs: number): Promise<void> {
    const { responses } = await this.wire.call(fetch, 12, {
      maxWaitMs,
      minBytes: 1,
      maxBytes: 8 << 20,
      isolationLevel: this.#isCommittedOnly ? 1 : 0,
      topics: topics.map((topic) => ({
        topic,
        partitions: allPartitions
          .filter((place) => place.topic === topic)
          .map(({ partition }) => ({
            partition,
            fetchOffset: BigInt(this.positions.get(nameOf(topic, partition)) ?? 0),
            partitionMaxBytes: 1 << 20,
          })),
      })),
      forgottenTopicsData: [],
      rackId: "",
    });
    for (const { topic, partitions } of responses)
      for (const partition of partitions) await this.#take(topic as Topic, nameOf(topic, partition.partitionIndex), partition);
  }

  async #take(topic: Topic, place: string, answer: Partition): Promise<void> {
    const { errorCode, records, abortedTransactions } = answer;
    if (isRetriable(errorCode)) return;
    if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE) return void this.gone.add(place);
    if (errorCode !== errorCodes.NONE) throw new Refused(`fetch of ${place}`, errorCode);
    if (records === null || records.byteLength === 0) return;
    const { accounts } = this.#soak;
    const position = this.positions.get(place) ?? 0;
    let expected = position;
    for (const { baseOffset, offsetCount } of kernel.batches(records)) {
      // The first batch may begin before the position; compaction leaves holes.
      if (topic !== "keyed" && baseOffset > expected) accounts.gap(place, expected, baseOffset);
      expected = Math.max(expected, baseOffset + offsetCount);
    }
    const listed = (abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({
      producerId: Number(producerId),
      firstOffset: Number(firstOffset),
    }));
    const { visible, nextOffset } = visibleBatches(records, this.#isCommittedOnly ? listed : null);
    for (const batch of visible) {
      const cursor = new RecordCursor(batch.header, await openBatch(batch));
      while (cursor.next()) {
        if (cursor.offset < position) continue;
        const id = idIn(cursor.value);
        accounts.find(place, cursor.offset, id, this.#isCommittedOnly);
        this.#onRecord(place, cursor.offset, id, cursor.key);
      }
    }
    this.positions.set(place, Math.max(position, nextOffset ?? position));
  }
}

const allTopics = [...new Set(allPartitions.map(({ topic }) => topic))];

/** Never begins anew: what it passes over must have been taken by retention. Ends when it has had everything. */
export async function followTail(soak: Soak, times: Times): Promise<void> {
  const { stage, accounts } = soak;
  const reader = new Reader(soak, "tail", true, (place, offset, id) => accounts.follow(place, offset, id));
  while (!soak.isAllTold || !accounts.isFollowed()) {
    try {
      await reader.round(allTopics, 200);
      if (reader.gone.size > 0) {
        const starts = await offsetsAt(reader.wire, earliest);
        for (const place of reader.gone) {
          const from = reader.positions.get(place) ?? 0;
          const to = Math.max(from, starts.get(place)!);
          accounts.skip(place, from, to, Date.now(), keptMs(place.split("/")[0] as Topic, times));
          reader.positions.set(place, to);
        }
        reader.gone.clear();
      }
      for (const [place, position] of reader.positions) accounts.followedTo(place, position);
    } catch (error) {
      if (error instanceof Refused) throw error;
      await stage.pause();
    }
  }
  reader.wire.close();
}

/** From the first offset to what was the last when it began, as fast as it goes; then again. */
export async function readFromTheStart(
  soak: Soak,
  name: string,
  topics: readonly Topic[],
  isCommittedOnly: boolean,
): Promise<number> {
  const { stage } = soak;
  let passes = 0;
  while (!stage.isOver) {
    const reader = new Reader(soak, name, isCommittedOnly);
    try {
      await readOnce(soak, reader, topics, isCommittedOnly);
      passes += 1;
    } catch (error) {
      if (error instanceof Refused) throw error;
      await stage.pause();
    }
    reader.wire.close();
    await sleep(500);
  }
  return passes;
}

async function readOnce({ stage }: Soak, reader: Reader, topics: readonly Topic[], isCommittedOnly: boolean): Promise<void> {
  const ends = await offsetsAt(reader.wire, latest, isCommittedOnly ? 1 : 0);
  for (const [place, offset] of await offsetsAt(reader.wire, earliest)) reader.positions.set(place, offset);
  const isBehind = (): boolean =>
    allPartitions.some(
      ({ topic, partition }) =>
        topics.includes(topic) && (reader.positions.get(nameOf(topic, partition)) ?? 0) < (ends.get(nameOf(topic, partition)) ?? 0),
    );
  while (isBehind() && !stage.isOver) {
    await reader.round(topics, 100);
    if (reader.gone.size === 0) continue;
    const starts = await offsetsAt(reader.wire, earliest);
    for (const place of reader.gone) reader.positions.set(place, starts.get(place)!);
    reader.gone.clear();
  }
}

/** What a reader of the compacted topic believes each key to be in the end. */
export async function lastOfKeys(soak: Soak): Promise<Map<string, number>> {
  const decoder = new TextDecoder();
  const last = new Map<string, number>();
  const reader = new Reader(soak, "keys", true, (_place, _offset, id, key) => {
    if (key !== null) last.set(decoder.decode(key), id);
  });
  const ends = await offsetsAt(reader.wire, latest);
  for (const [place, offset] of await offsetsAt(reader.wire, earliest)) reader.positions.set(place, offset);
  const isBehind = (): boolean =>
    allPartitions.some(
      ({ topic, partition }) =>
        topic === "keyed" && reader.positions.get(nameOf(topic, partition))! < ends.get(nameOf(topic, partition))!,
    );
  while (isBehind()) await reader.round(["keyed"], 100);
  reader.wire.close();
  return last;
}

export interface Bounds {
  readonly place: string;
  readonly start: number;
  readonly end: number;
}

/** Of each partition. */
export async function keptOffsets(soak: Soak): Promise<readonly Bounds[]> {
  const wire = new Wire(soak.stage, "bounds");
  try {
    const [starts, ends] = [await offsetsAt(wire, earliest), await offsetsAt(wire, latest)];
    return [...ends].map(([place, end]) => ({ place, start: starts.get(place) ?? 0, end }));
  } finally {
    wire.close();
  }
}
