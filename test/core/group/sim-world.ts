/**
 * A virtual clock, a network that delays and loses, and one group that crashes at any effect and comes back from its rows. All of it
 * follows from one seed. Members (sim-member.ts) live in it; the world watches what the group promised.
 */
import type { GroupRequest } from "../../../core/group/events.ts";
import { GroupMachine } from "../../../core/group/machine.ts";
import { groupOptions, type GroupOptions } from "../../../core/group/options.ts";
import type { Effect } from "../../../core/group/outbox.ts";
import type { OffsetCommitAnswer, OffsetFetchAnswer } from "../../../core/group/requests.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Rows, topicA } from "./harness.ts";

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

interface Call {
  readonly request: GroupRequest;
  readonly answer: (answer: unknown) => void;
  readonly failed: unknown;
}

export class World {
  readonly options: GroupOptions = groupOptions({ ...settingDefaults, "group.initial.rebalance.delay.ms": 1000 });
  readonly log: string[] = [];
  readonly #rows = new Rows();
  readonly #calls = new Map<number, Call>();
  /** Offsets whose commit was made durable, by partition: what the group must know ever after. */
  readonly #durable = new Map<number, number>();
  #queue: Scheduled[] = [];
  #state: number;
  #order = 0;
  #nextRequest = 1;
  #machine: GroupMachine;
  #alarmAt: number | undefined;
  #lastGeneration = 0;
  now = 1_700_000_000_000;
  calm = false;

  constructor(seed: number) {
    this.#state = seed | 0;
    this.#machine = new GroupMachine(this.options);
  }

  /** In [0, 1). */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return !this.calm && this.random() < probability;
  }

  after(ms: number, run: () => void): void {
    this.#queue.push({ at: this.now + ms, order: this.#order++, run });
  }

  note(what: string): void {
    this.log.push(`${this.now - 1_700_000_000_000} ${what}`);
  }

  /** Over the network: both ways take time, and a crash in between is answered as brokers answer it. */
  call(request: GroupRequest, failed: unknown, answer: (answer: unknown) => void): void {
    const deliver = (reply: unknown) => this.after(this.#latency(), () => answer(reply));
    this.after(this.#latency(), () => {
      const requestId = this.#nextRequest++;
      this.#calls.set(requestId, { request, answer: deliver, failed });
      this.#perform(() => this.#machine.handle({ ...request, requestId, ...uuidFor(request, requestId) }, this.now));
    });
  }

  /** Mostly milliseconds, now and then longer than any patience. */
  #latency(): number {
    return this.chance(0.02) ? this.between(100, 45_000) : this.between(1, 40);
  }

  #perform(decide: () => readonly Effect[]): void {
    const before = this.chance(0.002);
    const effects = decide();
    if (before) return this.crash("before its rows were written");
    for (const effect of effects) if (effect.kind !== "reply") this.#rows.apply(effect);
    for (const effect of effects) if (effect.kind === "reply") this.#remember(effect.requestId, effect.answer);
    if (this.chance(0.002)) return this.crash("before it answered");
    for (const effect of effects) {
      if (effect.kind !== "reply") continue;
      this.#calls.get(effect.requestId)?.answer(effect.answer);
      this.#calls.delete(effect.requestId);
    }
    this.#alarmAt = this.#machine.wantsAlarm(this.#alarmAt, this.now) ?? this.#alarmAt;
  }

  #remember(requestId: number, answer: unknown): void {
    const request = this.#calls.get(requestId)?.request;
    if (request?.kind === "offset-commit") {
      const { partitionErrors } = answer as OffsetCommitAnswer;
      request.request.topics[0]!.partitions.forEach(({ partition, offset }, index) => {
        if (partitionErrors[0]![index] === 0) this.#durable.set(partition, offset);
      });
    }
    if (request?.kind === "join-group") {
      const { errorCode, generationId } = answer as { errorCode: number; generationId: number };
      if (errorCode !== 0) return;
      if (generationId < this.#lastGeneration) throw new Error(`generation ${generationId} after ${this.#lastGeneration}`);
      this.#lastGeneration = generationId;
    }
  }

  crash(when: string): void {
    this.note(`the group crashes ${when}`);
    for (const { answer, failed } of this.#calls.values()) answer(failed);
    this.#calls.clear();
    this.#machine = GroupMachine.restore(this.options, this.#rows.snapshot, [...this.#rows.slots.values()], this.now);
    this.checkOffsets();
  }

  checkOffsets(): void {
    for (const [partition, offset] of this.#durable) {
      const known = this.#fetch(partition);
      if (known !== offset) throw new Error(`partition ${partition}: committed ${offset}, group knows ${known}`);
    }
  }

  /** The group as it is at this moment, asked past the network. */
  look<Answer>(request: GroupRequest): Answer {
    const effects = this.#machine.handle({ ...request, requestId: 0 }, this.now);
    const reply = effects.find(({ kind }) => kind === "reply") as Effect & { readonly answer: Answer };
    return reply.answer;
  }

  #fetch(partition: number): number {
    const request = { memberId: null, memberEpoch: -1, topics: [{ ...topicA, partitions: [partition] }], requireStable: false };
    return this.look<OffsetFetchAnswer>({ kind: "offset-fetch", request }).topics[0]!.partitions[0]!.offset;
  }

  get waiting(): number {
    return this.#calls.size;
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.#queue.sort((left, right) => left.at - right.at || left.order - right.order);
      const next = this.#queue[0];
      const at = Math.min(next?.at ?? end, this.#machine.nextDeadline() ?? end, this.#alarmAt ?? end);
      if (at >= end) break;
      this.now = Math.max(this.now, at);
      if (this.#alarmAt !== undefined && this.#alarmAt <= this.now) {
        this.#alarmAt = undefined;
        this.#perform(() => this.#machine.handle({ kind: "alarm" }, this.now));
      } else if (next !== undefined && next.at <= this.now) {
        this.#queue.shift();
        next.run();
      } else {
        this.#perform(() => this.#machine.tick(this.now));
      }
    }
    this.now = end;
  }
}

function uuidFor(request: GroupRequest, requestId: number) {
  return request.kind === "join-group" ? { uuid: `uuid${requestId}` } : {};
}
