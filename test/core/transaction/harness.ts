/**
 * A coordinator under a hand-moved clock, its row in memory as the Durable Object keeps it: requests go in, answers and calls are
 * collected, and a restart rebuilds it from the row and nothing else.
 */
import type { AdmissionReply } from "../../../core/transaction/admission.ts";
import type { EndCall, TransactionEffect, TransactionRequest } from "../../../core/transaction/events.ts";
import { TransactionMachine } from "../../../core/transaction/machine.ts";
import type { ProducerIdAnswer, ProducerIdentity, TransactionDescription } from "../../../core/transaction/requests.ts";

export const topic = "00000000-0000-4000-8000-00000000000a";
export const options = { timeoutMsMax: 900_000, expirationMs: 604_800_000 };

export class Coordinator {
  now = 1_000_000;
  row: string | undefined;
  rowsWritten = 0;
  alarmAt: number | undefined;
  alarmsSet = 0;
  readonly calls: EndCall[] = [];
  readonly answers = new Map<number, unknown>();
  #machine = new TransactionMachine(options);
  #nextRequestId = 1;
  #nextProducerId = 100;

  /** The id under which the answer will be found. */
  ask(request: TransactionRequest): number {
    const requestId = this.#nextRequestId++;
    this.#apply(this.#machine.handle({ ...request, requestId }, this.now));
    return requestId;
  }

  init(expected?: ProducerIdentity, timeoutMs = 60_000): ProducerIdAnswer | undefined {
    return this.#withProducerId((newProducerId) =>
      this.ask({ kind: "init-producer-id", request: { timeoutMs, expected, newProducerId } }),
    );
  }

  end(producer: ProducerIdentity, commit: boolean, version: 1 | 2, number?: number): ProducerIdAnswer | undefined {
    const { producerId, producerEpoch } = producer;
    const generation = version === 1 ? (number ?? this.describe()?.generation) : undefined;
    return this.#withProducerId((newProducerId) =>
      this.ask({ kind: "end", request: { producerId, producerEpoch, commit, version, generation, newProducerId } }),
    );
  }

  admit(
    { producerId, producerEpoch }: ProducerIdentity,
    add: boolean,
    partitions: readonly number[],
    groups: readonly string[] = [],
  ) {
    const placed = partitions.map((partition) => ({ topicId: topic, partition, cell: Math.floor(partition / 10) }));
    const id = this.ask({ kind: "admit", request: { producerId, producerEpoch, add, partitions: placed, groups } });
    return this.answers.get(id) as AdmissionReply | undefined;
  }

  describe(): TransactionDescription | undefined {
    return this.answers.get(this.ask({ kind: "describe" })) as TransactionDescription | undefined;
  }

  #withProducerId(ask: (newProducerId: number | undefined) => number): ProducerIdAnswer | undefined {
    const first = this.answers.get(ask(undefined)) as ProducerIdAnswer | undefined;
    return first?.needsProducerId === true ? (this.answers.get(ask(this.#nextProducerId++)) as ProducerIdAnswer) : first;
  }

  /** Everybody who was called answers. */
  answerCalls(isDone = true): void {
    for (const { callId } of this.calls.splice(0)) {
      this.#apply(this.#machine.handle({ kind: "call-answered", callId, isDone }, this.now));
    }
  }

  wait(ms: number): void {
    this.now += ms;
    this.#apply(this.#machine.tick(this.now));
  }

  /** Moves on to the alarm that is set. */
  alarm(): void {
    if (this.alarmAt === undefined) throw new Error("no alarm is set");
    this.now = Math.max(this.now, this.alarmAt);
    this.alarmAt = undefined;
    this.#apply(this.#machine.handle({ kind: "alarm" }, this.now));
  }

  /** Killed and wanted again at once. */
  kill(): void {
    this.evict();
    this.#apply(this.#machine.tick(this.now));
  }

  /** Gone with its timer until something wakes it. */
  evict(): void {
    this.calls.length = 0;
    this.#machine = TransactionMachine.restore(options, this.row, this.now);
  }

  get nextDeadline(): number | undefined {
    return this.#machine.nextDeadline(this.alarmAt);
  }

  #apply(effects: readonly TransactionEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "row") {
        this.row = effect.value;
        this.rowsWritten += 1;
      } else if (effect.kind === "wipe") this.row = undefined;
      else if (effect.kind === "reply") this.answers.set(effect.requestId, effect.answer);
      else this.calls.push(effect.call);
    }
    const alarmAt = this.#machine.wantsAlarm(this.alarmAt, this.now);
    if (alarmAt === undefined) return;
    this.alarmAt = alarmAt;
    this.alarmsSet += 1;
  }
}

/** A coordinator with a producer whose transaction has these partitions and groups. */
export function ongoing(partitions: readonly number[] = [1], groups: readonly string[] = []) {
  const coordinator = new Coordinator();
  const producer = coordinator.init()!;
  coordinator.admit(producer, true, partitions, groups);
  return { coordinator, producer };
}
