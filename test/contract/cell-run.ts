/**
 * The life of a cell as values: brokers that commit, repeat, skip ahead and come back with a new epoch, producers that send again and
 * leave gaps, deletes and restarts. Played on a coordinator and on the plain model at once; both must say the same at every step.
 */
import * as fc from "fast-check";
import { expect } from "vitest";
import type {
  BatchCoordinates,
  BatchCoordinator,
  CommitRequest,
  Extent,
  FollowReply,
  MarkerRequest,
  PartitionRef,
} from "../../core/coordinator.ts";
import { CellModel, type ModelPartition } from "./cell-model.ts";
import { byteLengthOf, createTime, entriesOf, plain } from "./commits.ts";

type BatchDraft =
  | { readonly kind: "plain"; readonly count: number; readonly size: number }
  /** `step` 0 goes on, below it a batch is sent again, above it there is a gap. */
  | {
      readonly kind: "idempotent";
      readonly producer: number;
      readonly step: number;
      readonly count: number;
      readonly bump: boolean;
    }
  /** `late` counts back from the transaction that is going on. */
  | {
      readonly kind: "transactional";
      readonly producer: number;
      readonly step: number;
      readonly count: number;
      readonly late: number;
    };

type Step =
  | {
      readonly kind: "commit";
      readonly broker: number;
      readonly inline: boolean;
      readonly parts: readonly (readonly [number, readonly BatchDraft[]])[];
    }
  | {
      readonly kind: "markers";
      readonly producers: readonly number[];
      readonly partitions: readonly number[];
      readonly commit: boolean;
      /** Transaction version 2. */
      readonly bump: boolean;
      /** So many transactions ago. */
      readonly late: number;
      readonly coordinatorEpoch: number;
    }
  | { readonly kind: "repeat"; readonly back: number }
  | { readonly kind: "ahead"; readonly broker: number }
  | { readonly kind: "new-epoch"; readonly broker: number }
  | { readonly kind: "stale"; readonly broker: number }
  | { readonly kind: "delete-records"; readonly partition: number; readonly share: number }
  | { readonly kind: "restart" };

const batchDraft: fc.Arbitrary<BatchDraft> = fc.oneof(
  fc.record({
    kind: fc.constant("plain" as const),
    count: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 61, max: 300 }),
  }),
  fc.record({
    kind: fc.constant("idempotent" as const),
    producer: fc.integer({ min: 0, max: 2 }),
    step: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.integer({ min: -7, max: 2 }) }),
    count: fc.integer({ min: 1, max: 3 }),
    bump: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  }),
  fc.record({
    kind: fc.constant("transactional" as const),
    producer: fc.integer({ min: 0, max: 3 }),
    step: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: -3, max: 1 }) }),
    count: fc.integer({ min: 1, max: 3 }),
    late: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) }),
  }),
);
const broker = fc.integer({ min: 0, max: 1 });
const parts = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.array(batchDraft, { minLength: 1, maxLength: 4 })), {
  selector: ([partition]) => partition,
  minLength: 1,
  maxLength: 4,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("commit" as const), broker, inline: fc.boolean(), parts }) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("markers" as const),
      producers: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }),
      partitions: fc.oneof(fc.constant([0, 1, 2]), fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 })),
      commit: fc.boolean(),
      bump: fc.boolean(),
      late: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) }),
      coordinatorEpoch: fc.oneof(
        { weight: 9, arbitrary: fc.constant(3) },
        { weight: 1, arbitrary: fc.integer({ min: 2, max: 4 }) },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("repeat" as const), back: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ahead" as const), broker }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("new-epoch" as const), broker }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stale" as const), broker }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("delete-records" as const),
      partition: fc.integer({ min: 0, max: 3 }),
      share: fc.double({ min: 0, max: 1.1, noNaN: true }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "restart" as const }) },
);

export function runArbitrary(stepsMax: number): fc.Arbitrary<readonly Step[]> {
  return fc.array(step, { minLength: 1, maxLength: stepsMax, size: "max" });
}

/** The partition that is never created. */
const unknownPartition = 3;

export async function checkAgainstModel(
  under: { readonly coordinator: BatchCoordinator; restart(): Promise<void> },
  run: readonly Step[],
  { topicId, firstBroker }: { readonly topicId: string; readonly firstBroker: number },
): Promise<void> {
  const { coordinator } = under;
  const model = new CellModel();
  const sender = new Sender(topicId, firstBroker);
  const known = [0, 1, 2].map((partition) => ({ topicId, partition }));
  await coordinator.createPartitions(known, createTime);
  for (const { partition } of known) model.create(`${topicId}/${partition}`);
  let { cursor } = await coordinator.findBatches([]);
  let restarted = false;
  const told = new Map<number, Extent[]>(known.map(({ partition }) => [partition, []]));
  const stable = new Map<number, number>();
  for (const now of run) {
    if (now.kind === "restart") {
      await under.restart();
      restarted = true;
      continue;
    }
    if (now.kind === "delete-records") {
      const log = model.partitions.get(`${topicId}/${now.partition}`);
      const beforeOffset = Math.floor((log?.nextOffset ?? 0) * now.share);
      const [answer] = await coordinator.deleteRecords([{ topicId, partition: now.partition, beforeOffset }]);
      if (log === undefined) expect(answer).toEqual({ errorCode: 3, logStartOffset: -1 });
      else if (beforeOffset > log.nextOffset) expect(answer).toEqual({ errorCode: 1, logStartOffset: -1 });
      else {
        log.logStartOffset = Math.max(log.logStartOffset, beforeOffset);
        expect(answer).toEqual({ errorCode: 0, logStartOffset: log.logStartOffset });
      }
    } else if (now.kind === "markers") {
      const markers = sender.markers(now);
      expect(await coordinator.writeMarkers(markers)).toEqual(model.mark(markers));
    } else {
      const request = sender.request(now);
      if (request !== undefined) {
        const wanted = model.commit(request);
        expect(await coordinator.commit(request)).toMatchObject(wanted);
      }
    }
    const reply = await coordinator.follow(cursor, 0);
    expect(reply.gap && !restarted).toBe(false);
    if (reply.gap)
      for (const { partition } of known) told.set(partition, [...(await found(coordinator, topicId, partition, model))]);
    else remember(told, stable, reply);
    ({ cursor } = reply);
    restarted = false;
  }
  for (const { partition } of known) {
    const log = model.partitions.get(`${topicId}/${partition}`)!;
    const extents = await found(coordinator, topicId, partition, model);
    // Gapless, whole, in order, and where the model says.
    expect(extents.slice(1).map(({ baseOffset }) => baseOffset)).toEqual(extents.slice(0, -1).map(({ nextOffset }) => nextOffset));
    expect(extents.at(-1)?.nextOffset ?? log.nextOffset).toBe(log.nextOffset);
    const visible = log.visible.filter(({ baseOffset }) => baseOffset >= (extents[0]?.baseOffset ?? 0));
    for (const { baseOffset, batch, place } of visible) {
      const extent = extents.find((one) => one.baseOffset <= baseOffset && baseOffset < one.nextOffset)!;
      const before = log.batches.filter((one) => one.baseOffset >= extent.baseOffset && one.baseOffset < baseOffset);
      const position = before.reduce((sum, one) => sum + one.batch.size, 0);
      const { source } = extent;
      expect(source.kind === "object" ? `${source.key}@${source.byteStart + position}` : `inline:${source.records[position]}`).toBe(
        place,
      );
      expect(position + batch.size).toBeLessThanOrEqual(extent.byteLength);
    }
    // Whoever followed knows no less than a look-up.
    const followed = told.get(partition)!.filter(({ nextOffset }) => nextOffset > (extents[0]?.baseOffset ?? log.nextOffset));
    expect(followed).toEqual(extents);
    await checkAborted(coordinator, { topicId, partition }, log, extents);
  }
  await coordinator.deletePartitions(topicId);
}

function remember(told: Map<number, Extent[]>, stable: Map<number, number>, reply: FollowReply): void {
  for (const update of reply.updates) {
    if (update.kind === "deleted") continue;
    expect(update.bounds.lastStableOffset).toBeGreaterThanOrEqual(stable.get(update.partition) ?? 0);
    stable.set(update.partition, update.bounds.lastStableOffset);
    if (update.kind === "appended") told.get(update.partition)!.push(update.extent);
  }
}

/** Of any range of whole extents the leader names exactly the aborted transactions that overlap it. */
async function checkAborted(
  coordinator: BatchCoordinator,
  ref: PartitionRef,
  log: ModelPartition,
  extents: readonly Extent[],
): Promise<void> {
  const starts = extents.map(({ baseOffset }) => baseOffset).filter((offset) => offset >= log.logStartOffset);
  const requests = starts.flatMap((offset) => [1, 300].map((maxBytes) => ({ ...ref, offset, maxBytes })));
  const { results } = await coordinator.findBatches(requests);
  for (const [index, { abortedTransactions, extents: range }] of results.entries()) {
    expect(abortedTransactions).toEqual(log.abortedIn(requests[index]!.offset, range.at(-1)!.nextOffset));
  }
}

async function found(
  coordinator: BatchCoordinator,
  topicId: string,
  partition: number,
  model: CellModel,
): Promise<readonly Extent[]> {
  const log = model.partitions.get(`${topicId}/${partition}`)!;
  const reply = await coordinator.findBatches([{ topicId, partition, offset: log.logStartOffset, maxBytes: 1e9 }]);
  const abortedTransactions = log.abortedIn(log.logStartOffset, log.nextOffset);
  expect(reply.results[0]).toMatchObject({ errorCode: 0, bounds: log.bounds, abortedTransactions });
  return reply.results[0]!.extents;
}

/** Brokers and producers: turns drafts into requests. */
class Sender {
  readonly #topicId: string;
  readonly #firstBroker: number;
  readonly #brokers = [0, 1].map(() => ({ epoch: 1, number: 0 }));
  readonly #sent: CommitRequest[] = [];
  readonly #producers = new Map<string, { epoch: number; next: number; batches: BatchCoordinates[] }>();
  /** As their coordinators know them. */
  readonly #transactions = [0, 1, 2, 3].map(() => ({ epoch: 0, generation: 1 }));
  #fill = 0;

  constructor(topicId: string, firstBroker: number) {
    this.#topicId = topicId;
    this.#firstBroker = firstBroker;
  }

  request(now: Step): CommitRequest | undefined {
    switch (now.kind) {
      case "commit":
        return this.#commit(now);
      case "repeat":
        return this.#sent.at(-1 - now.back);
      case "ahead": {
        const { epoch, number } = this.#brokers[now.broker]!;
        const parts = [[0, [{ kind: "plain", count: 1, size: 61 }]]] as const;
        return this.#build(now.broker, epoch, number + 2, true, parts);
      }
      case "stale": {
        const { epoch, number } = this.#brokers[now.broker]!;
        // Only an epoch that has committed has superseded the one before.
        if (epoch === 1 || number === 0) return undefined;
        return this.#build(now.broker, epoch - 1, 1, false, [[0, [{ kind: "plain", count: 1, size: 61 }]]]);
      }
      case "new-epoch":
        this.#brokers[now.broker] = { epoch: this.#brokers[now.broker]!.epoch + 1, number: 0 };
        this.#sent.length = 0;
        return undefined;
      default:
        return undefined;
    }
  }

  markers({ producers, partitions, commit, bump, late, coordinatorEpoch }: Extract<Step, { kind: "markers" }>): MarkerRequest[] {
    return producers.map((id) => {
      const transaction = this.#transactions[id]!;
      const producerEpoch = transaction.epoch + (bump ? 1 : 0);
      const generation = Math.max(1, transaction.generation - late);
      if (late === 0) Object.assign(transaction, { epoch: producerEpoch, generation: generation + 1 });
      if (late === 0 && bump) for (const partition of [0, 1, 2]) this.#producers.delete(`${partition}/t${id}`);
      const refs = partitions.map((partition) => ({ topicId: this.#topicId, partition }));
      return { producerId: 600 + id, producerEpoch, coordinatorEpoch, generation, commit, partitions: refs };
    });
  }

  #commit({ broker, inline, parts }: Extract<Step, { kind: "commit" }>): CommitRequest {
    const chain = this.#brokers[broker]!;
    chain.number += 1;
    const request = this.#build(broker, chain.epoch, chain.number, inline, parts);
    this.#sent.push(request);
    return request;
  }

  #build(
    broker: number,
    brokerEpoch: number,
    number: number,
    inline: boolean,
    parts: readonly (readonly [number, readonly BatchDraft[]])[],
  ): CommitRequest {
    const entries = entriesOf(
      parts.map(([partition, drafts]) => [
        { topicId: this.#topicId, partition },
        drafts.map((draft) => this.#batch(partition, draft)),
      ]),
    );
    this.#fill = (this.#fill + 1) % 251;
    const byteLength = byteLengthOf(entries);
    return {
      brokerId: this.#firstBroker + broker,
      brokerEpoch,
      number,
      source: inline
        ? { kind: "inline", records: new Uint8Array(byteLength).fill(this.#fill) }
        : { kind: "object", sequence: number * 3, byteLength },
      entries,
    };
  }

  #batch(partition: number, draft: BatchDraft): BatchCoordinates {
    if (draft.kind === "plain") return plain(draft.count, { size: draft.size });
    if (draft.kind === "transactional") return this.#transactional(partition, draft);
    const key = `${partition}/${draft.producer}`;
    let producer = this.#producers.get(key);
    // Near the end of the sequences, so that runs wrap.
    if (producer === undefined)
      this.#producers.set(key, (producer = { epoch: 0, next: draft.producer === 0 ? 2 ** 31 - 4 : 0, batches: [] }));
    const { producer: id, step, count, bump } = draft;
    if (bump) Object.assign(producer, { epoch: producer.epoch + 1, next: 0, batches: [] });
    const again = step < 0 ? producer.batches.at(step) : undefined;
    if (again !== undefined) return again;
    const baseSequence = (producer.next + Math.max(0, step)) % 2 ** 31;
    const batch = plain(count, { producerId: 500 + id, producerEpoch: producer.epoch, baseSequence });
    if (step <= 0 && partition !== unknownPartition) {
      producer.next = (baseSequence + count) % 2 ** 31;
      producer.batches.push(batch);
    }
    return batch;
  }

  #transactional(
    partition: number,
    { producer: id, step, count, late }: Extract<BatchDraft, { kind: "transactional" }>,
  ): BatchCoordinates {
    const { epoch, generation } = this.#transactions[id]!;
    const key = `${partition}/t${id}`;
    let producer = this.#producers.get(key);
    if (producer === undefined) this.#producers.set(key, (producer = { epoch, next: 0, batches: [] }));
    const again = step < 0 ? producer.batches.at(step) : undefined;
    if (again !== undefined) return again;
    const baseSequence = (producer.next + Math.max(0, step)) % 2 ** 31;
    const transactionGeneration = Math.max(0, generation - late);
    const claims = { producerId: 600 + id, producerEpoch: epoch, baseSequence, attributes: 16, transactionGeneration };
    const batch = plain(count, claims);
    if (step <= 0 && late === 0) {
      producer.next = (baseSequence + count) % 2 ** 31;
      producer.batches.push(batch);
    }
    return batch;
  }
}
