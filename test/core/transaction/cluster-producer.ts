/** A producer process of either transaction version against the cluster world, as stock clients behave: what may be asked again is. */
import type { OffsetCommitAnswer } from "../../../core/group/requests.ts";
import type { AdmissionReply, AdmissionRequest } from "../../../core/transaction/admission.ts";
import type { ProducerIdAnswer, ProducerIdentity } from "../../../core/transaction/requests.ts";
import { errorCodes } from "../../../protocol/errors.ts";
import { cellOf, type ClusterWorld, partitions, topicId } from "./cluster-world.ts";

/** What a transaction's producer was told in the end. */
export interface Told {
  readonly producerId: number;
  readonly generation: number;
  readonly commit: boolean;
  readonly batches: readonly { readonly partition: number; readonly offset: number }[];
  /** The offset it sent for its own partition of the group, or -1. */
  readonly offset: number;
}

export class ClusterProducer {
  readonly #cluster: ClusterWorld;
  readonly #name: string;
  readonly #group: number;
  readonly #version: 1 | 2;
  readonly #told: Told[];
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 };
  readonly #sequences = new Map<number, number>();
  #left: number;

  constructor(cluster: ClusterWorld, name: string, group: number, version: 1 | 2, told: Told[]) {
    this.#cluster = cluster;
    this.#name = name;
    this.#group = group;
    this.#version = version;
    this.#told = told;
    this.#left = cluster.world.random.between(1, 12);
    this.#init(undefined);
  }

  get #world() {
    return this.#cluster.world;
  }

  #again(work: () => void): void {
    this.#world.after(this.#world.random.between(10, 200), `${this.#name} again`, work);
  }

  #init(newProducerId: number | undefined): void {
    const request = { timeoutMs: 3000, expected: undefined, newProducerId };
    this.#cluster.call<ProducerIdAnswer>(
      (answer) =>
        this.#cluster.id(this.#name).ask({ kind: "init-producer-id", request }, (value) => answer(value as ProducerIdAnswer)),
      (answer) => {
        if (answer === undefined || answer.errorCode === errorCodes.CONCURRENT_TRANSACTIONS)
          return this.#again(() => this.#init(newProducerId));
        if (answer.needsProducerId) return this.#init(this.#cluster.nextProducerId++);
        if (answer.errorCode === errorCodes.NONE) this.#begin(answer);
      },
    );
  }

  #begin({ producerId, producerEpoch }: ProducerIdentity): void {
    if (producerId !== this.#identity.producerId || producerEpoch !== this.#identity.producerEpoch) this.#sequences.clear();
    this.#identity = { producerId, producerEpoch };
    if (this.#left-- <= 0 || !this.#cluster.faulty) return;
    const steps = this.#world.random.between(1, 5);
    const transaction = { batches: [] as { partition: number; offset: number }[], generation: 0, offset: -1 };
    this.#step(steps, transaction);
  }

  #step(left: number, transaction: { batches: { partition: number; offset: number }[]; generation: number; offset: number }): void {
    const { random } = this.#world;
    // The process is gone, or so slow that it outlives its transaction.
    if (this.#cluster.faulty && random.chance(0.02)) return;
    if (random.chance(0.02)) return this.#world.after(random.between(1000, 20_000), "pause", () => this.#step(left, transaction));
    if (left === 0) return this.#end(random.chance(0.7), transaction);
    if (random.chance(0.3)) return this.#offsets(left, transaction);
    const partition = random.pick(partitions);
    const placed = [{ topicId, partition, cell: cellOf(partition) }];
    this.#admit({ ...this.#identity, add: true, partitions: placed }, (generation) => {
      transaction.generation = generation;
      this.#send(partition, generation, (offset) => {
        transaction.batches.push({ partition, offset });
        this.#step(left - 1, transaction);
      });
    });
  }

  /** What is refused for good ends the process: it was fenced, or its transaction is over. */
  #admit(request: AdmissionRequest, admitted: (generation: number) => void): void {
    this.#cluster.call<AdmissionReply>(
      (answer) => this.#cluster.id(this.#name).ask({ kind: "admit", request }, (value) => answer(value as AdmissionReply)),
      (reply) => {
        if (reply === undefined || reply.errorCodes[0] === errorCodes.CONCURRENT_TRANSACTIONS)
          return this.#again(() => this.#admit(request, admitted));
        if (reply.errorCodes[0] === errorCodes.NONE) admitted(reply.generation);
      },
    );
  }

  #send(partition: number, generation: number, sent: (offset: number) => void): void {
    const sequence = this.#sequences.get(partition) ?? 0;
    const { producerId, producerEpoch } = this.#identity;
    this.#cluster.call<{ errorCode: number; baseOffset: number }>(
      (answer) => answer(this.#cluster.append(partition, producerId, producerEpoch, sequence, generation)),
      (result) => {
        if (result === undefined) return this.#again(() => this.#send(partition, generation, sent));
        if (result.errorCode !== errorCodes.NONE) return;
        this.#sequences.set(partition, sequence + 1);
        sent(result.baseOffset);
      },
    );
  }

  #offsets(
    left: number,
    transaction: { batches: { partition: number; offset: number }[]; generation: number; offset: number },
  ): void {
    this.#admit({ ...this.#identity, add: true, partitions: [], groups: ["g"] }, (generation) => {
      transaction.generation = generation;
      const offset = generation;
      const committed = [{ partition: this.#group, offset, leaderEpoch: -1, metadata: null }];
      const sender = { generationId: -1, memberId: "", groupInstanceId: null };
      const topics = [{ topicId, name: "t", partitions: committed }];
      const request = { ...this.#identity, transactionGeneration: generation, ...sender, topics };
      const commit = (): void =>
        this.#cluster.call<OffsetCommitAnswer>(
          (answer) =>
            this.#cluster.group.ask({ kind: "transactional-offset-commit", request }, (value) =>
              answer(value as OffsetCommitAnswer),
            ),
          (answer) => {
            if (answer === undefined) return this.#again(commit);
            if (answer.partitionErrors[0]![0] !== errorCodes.NONE) return;
            transaction.offset = offset;
            this.#step(left - 1, transaction);
          },
        );
      commit();
    });
  }

  #end(
    commit: boolean,
    transaction: { batches: { partition: number; offset: number }[]; generation: number; offset: number },
  ): void {
    const ask = (newProducerId: number | undefined): void => {
      const request = { ...this.#identity, commit, version: this.#version, generation: transaction.generation, newProducerId };
      this.#cluster.call<ProducerIdAnswer>(
        (answer) => this.#cluster.id(this.#name).ask({ kind: "end", request }, (value) => answer(value as ProducerIdAnswer)),
        (answer) => {
          if (answer === undefined || answer.errorCode === errorCodes.CONCURRENT_TRANSACTIONS)
            return this.#again(() => ask(newProducerId));
          if (answer.needsProducerId) return ask(this.#cluster.nextProducerId++);
          if (answer.errorCode !== errorCodes.NONE) return;
          this.#told.push({ producerId: this.#identity.producerId, commit, ...transaction });
          this.#begin(answer);
        },
      );
    };
    ask(undefined);
  }
}
