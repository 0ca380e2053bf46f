/**
 * Producers without transactions: one that asks for nothing but `acks=all`, sends one record at a time and none of them twice; and an
 * idempotent one that has five requests under way and, when its connection breaks, sends everything unanswered again in its order.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import type { Stage } from "./stage.ts";
import { type Place, batchOf, identify, nameOf, padded, placesOf } from "./topics.ts";
import { Refused, Wire, isRetriable } from "./wire.ts";

const version = 12;
const underWayMax = 5;

function requestOf({ topic, partition }: Place, records: Uint8Array, transactionalId: string | null = null) {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
  return { transactionalId, acks: -1, timeoutMs: 10_000, topicData };
}

/** Error code and base offset of the one partition. */
export async function produceTo(
  wire: Wire,
  place: Place,
  records: Uint8Array,
  transactionalId: string | null = null,
  apiVersion = version,
): Promise<{ readonly errorCode: number; readonly offset: number }> {
  const { responses } = await wire.call(produce, apiVersion, requestOf(place, records, transactionalId));
  const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
  return { errorCode, offset: Number(baseOffset) };
}

export async function producePlain(stage: Stage, name: string): Promise<void> {
  const wire = new Wire(stage, name);
  for (let index = 0; !stage.isOver; index++) {
    const place = stage.random.pick(placesOf("plain"));
    const value = `${name}.${index}`;
    try {
      // What was sent over a connection that broke may still come, so order holds within one.
      await wire.connect();
      const stream = `${name}, connection ${wire.connections}`;
      stage.record({ kind: "sent", value, partition: nameOf(place), stream });
      const { errorCode, offset } = await produceTo(wire, place, batchOf([padded(value, stage.random)]));
      if (errorCode === errorCodes.NONE) stage.record({ kind: "acknowledged", value, offset });
      else if (isRetriable(errorCode)) wire.cut();
      else throw new Refused(name, errorCode);
    } catch (error) {
      if (error instanceof Refused) throw error;
      await stage.pause();
    }
  }
  wire.close();
}

interface Unanswered {
  readonly values: readonly string[];
  readonly records: Uint8Array;
}

/** One partition, so that its sequence is one row of numbers. */
export async function produceIdempotent(stage: Stage, name: string, place: Place): Promise<void> {
  const wire = new Wire(stage, name);
  const identity = await identify(wire, null);
  const unanswered: Unanswered[] = [];
  let sequence = 0;
  const next = (): Unanswered => {
    const values = Array.from({ length: stage.random.between(1, 3) }, (_, index) => `${name}.${sequence + index}`);
    const partition = nameOf(place);
    for (const value of values) stage.record({ kind: "sent", value, partition, stream: name });
    const texts = values.map((value) => padded(value, stage.random));
    const records = batchOf(texts, { ...identity, sequence, isTransactional: false });
    sequence += values.length;
    return { values, records };
  };
  while (!stage.isOver || unanswered.length > 0) {
    while (!stage.isOver && unanswered.length < underWayMax) unanswered.push(next());
    try {
      const answers = unanswered.map(({ records }) => produceTo(wire, place, records));
      // Of those behind the first that fails nothing need be heard.
      for (const answer of answers) answer.catch(() => {});
      for (const answer of answers) {
        const { errorCode, offset } = await answer;
        if (errorCode !== errorCodes.NONE && isRetriable(errorCode)) throw new Error("again");
        if (errorCode !== errorCodes.NONE) throw new Refused(name, errorCode);
        const { values } = unanswered.shift()!;
        for (const [index, value] of values.entries()) stage.record({ kind: "acknowledged", value, offset: offset + index });
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      wire.cut();
      await stage.pause();
    }
  }
  wire.close();
}
