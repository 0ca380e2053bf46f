/** Histories of a cell as values: commits both ways, producers that repeat, topics that come and go, deleted records, time that passes. */
import * as fc from "fast-check";
import type { BatchCoordinates, CommitRequest, MarkerRequest } from "../../../core/coordinator.ts";
import { Chain, plain } from "../../contract/commits.ts";

export const topics = ["a", "b", "c"].map((letter) => `00000000-0000-4000-8000-00000000000${letter}`);

interface Draft {
  readonly producer: number;
  readonly sequence: number;
  readonly epoch: number;
  readonly count: number;
  readonly size: number;
  readonly maxTimestamp: number;
  /** 0: outside of transactions. */
  readonly generation: number;
}

export type HistoryStep =
  | {
      readonly kind: "commit";
      readonly broker: number;
      readonly inline: boolean;
      readonly parts: readonly { readonly topic: number; readonly partition: number; readonly batches: readonly Draft[] }[];
    }
  | {
      readonly kind: "markers";
      readonly topic: number;
      readonly producers: readonly number[];
      readonly epoch: number;
      readonly generation: number;
      readonly commit: boolean;
    }
  | { readonly kind: "create"; readonly topic: number }
  | { readonly kind: "delete"; readonly topic: number }
  | { readonly kind: "delete-records"; readonly topic: number; readonly partition: number; readonly share: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "snapshot" }
  | { readonly kind: "restart" };

const topic = fc.nat(2);
const partition = fc.nat(2);
/** Small numbers, so that sequences go on, repeat and leave gaps by chance. */
const draft: fc.Arbitrary<Draft> = fc.record({
  producer: fc.integer({ min: -1, max: 3 }),
  sequence: fc.oneof(fc.nat(6), fc.constant(2 ** 31 - 1)),
  epoch: fc.nat(1),
  count: fc.integer({ min: 1, max: 3 }),
  size: fc.integer({ min: 61, max: 400 }),
  maxTimestamp: fc.oneof(fc.nat(5000), fc.constant(-1), fc.integer({ min: 0, max: 2 ** 50 })),
  generation: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) }),
});
const part = fc.record({ topic, partition, batches: fc.array(draft, { minLength: 1, maxLength: 4 }) });
const parts = fc.uniqueArray(part, {
  selector: (one) => `${one.topic}/${one.partition}`,
  minLength: 1,
  maxLength: 5,
});
const step: fc.Arbitrary<HistoryStep> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant("commit" as const), broker: fc.nat(1), inline: fc.boolean(), parts }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("markers" as const),
      topic,
      producers: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
      epoch: fc.nat(1),
      generation: fc.integer({ min: 1, max: 3 }),
      commit: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("create" as const), topic }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), topic }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("delete-records" as const),
      topic,
      partition,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(1500) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "snapshot" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

export const history = fc.array(step, { minLength: 1, maxLength: 60, size: "max" });

export class Brokers {
  readonly #chains = [new Chain(0), new Chain(1)];

  request({ broker, inline, parts: given }: Extract<HistoryStep, { readonly kind: "commit" }>): CommitRequest {
    const chain = this.#chains[broker]!;
    const entries = given.map((one) => {
      const ref = { topicId: topics[one.topic]!, partition: one.partition };
      return [ref, one.batches.map((batch) => batchOf(batch))] as const;
    });
    return inline ? chain.inline(entries) : chain.object(entries);
  }
}

function batchOf({ producer, sequence, epoch, count, size, maxTimestamp, generation }: Draft): BatchCoordinates {
  const claims = producer < 0 ? {} : { producerId: producer, producerEpoch: epoch, baseSequence: sequence };
  const transaction = producer < 0 || generation === 0 ? {} : { attributes: 16, transactionGeneration: generation };
  return plain(count, { size, maxTimestamp, ...claims, ...transaction });
}

export function markersOf({
  topic,
  producers,
  epoch,
  generation,
  commit,
}: Extract<HistoryStep, { readonly kind: "markers" }>): MarkerRequest[] {
  const partitions = [0, 1, 2].map((number) => ({ topicId: topics[topic]!, partition: number }));
  const same = { producerEpoch: epoch, coordinatorEpoch: 0, generation, commit, partitions };
  return producers.map((producerId) => ({ producerId, ...same }));
}
