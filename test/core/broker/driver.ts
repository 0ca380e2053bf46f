/**
 * Runs a BrokerMachine by hand: effects wait in a list until the test has them answered, in any order, well or badly. Everything
 * is deterministic; time is a number.
 */
import { BrokerMachine, type BrokerEffect, type BrokerEvent } from "../../../core/broker/machine.ts";
import type { AppendItem, AppendOutcome, ReadItem, ReadOutcome, ReadRequest } from "../../../core/broker/interface.ts";
import { settingDefaults, type Settings } from "../../../core/settings.ts";
import { batchField, viewOf } from "../../../kernel/batch-layout.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import { FakeLeader } from "./fake-leader.ts";

export type EffectOf<K extends BrokerEffect["kind"]> = Extract<BrokerEffect, { kind: K }>;

export interface BatchOptions {
  readonly bytes?: number;
  readonly count?: number;
  readonly transactional?: boolean;
}

/** A batch with a good CRC whose body says `tag`. */
export function batchOf(tag: number, { bytes = 100, count = 1, transactional = false }: BatchOptions = {}): Uint8Array {
  const batch = new Uint8Array(Math.max(bytes, batchField.records + 4));
  const view = viewOf(batch);
  view.setInt32(batchField.batchLength, batch.length - 12);
  view.setInt8(batchField.magic, 2);
  view.setInt16(batchField.attributes, transactional ? 16 : 0);
  view.setInt32(batchField.lastOffsetDelta, count - 1);
  view.setInt32(batchField.recordCount, count);
  view.setInt32(batchField.records, tag);
  view.setUint32(batchField.crc, twins.crc32c(batch.subarray(batchField.attributes)));
  return batch;
}

export function tagsOf(records: readonly Uint8Array[]): number[] {
  return records.flatMap((piece) =>
    twins.batches(piece).map(({ position }) => viewOf(piece).getInt32(position + batchField.records)),
  );
}

export const topicA = "00000000-0000-4000-8000-00000000000a";
export const topicB = "00000000-0000-4000-8000-00000000000b";

export function itemOf(
  tag: number,
  place: { topicId?: string; partition?: number; cell?: number } = {},
  options: BatchOptions = {},
): AppendItem {
  const records = batchOf(tag, options);
  return { topicId: topicA, partition: 0, cell: 0, ...place, records, batches: twins.batches(records) };
}

export function readOf(offset: number, options: Partial<ReadItem> & Partial<ReadRequest> = {}): ReadRequest {
  const {
    topicId = topicA,
    partition = 0,
    cell = 0,
    maxBytes = 1 << 20,
    minBytes = 1,
    maxWaitMs = 500,
    readCommitted = false,
  } = options;
  const items = options.items ?? [{ topicId, partition, cell, offset, maxBytes }];
  return { items, minBytes, maxBytes, maxWaitMs, readCommitted };
}

export class Driver {
  readonly machine: BrokerMachine;
  readonly objects = new Map<string, Uint8Array>();
  readonly leaders = new Map<number, FakeLeader>();
  readonly pending: BrokerEffect[] = [];
  readonly logs: EffectOf<"log">[] = [];
  readonly appended = new Map<number, readonly AppendOutcome[]>();
  readonly read = new Map<number, readonly ReadOutcome[]>();
  readonly extents = new Map<number, EffectOf<"extent-done">>();
  now = 1_000_000;
  #lastId = 0;
  #lastEpoch = 0;

  constructor(settings: Partial<Settings> = {}, brokerId = 0, shared?: Driver) {
    this.machine = new BrokerMachine({ brokerId, settings: { ...settingDefaults, ...settings }, kernel: twins });
    if (shared !== undefined) {
      this.objects = shared.objects;
      this.leaders = shared.leaders;
    }
  }

  leader(cell: number): FakeLeader {
    const leader = this.leaders.get(cell) ?? new FakeLeader(cell, this.objects);
    this.leaders.set(cell, leader);
    return leader;
  }

  handle(event: BrokerEvent): void {
    this.#note(this.machine.handle(event, this.now));
  }

  /** Time passes, and the machine is woken where it asked to be. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at = this.machine.nextDeadline(); at !== undefined && at <= end; at = this.machine.nextDeadline()) {
      this.now = Math.max(this.now, at);
      this.#note(this.machine.tick(this.now));
    }
    this.now = end;
  }

  append(items: readonly AppendItem[]): number {
    this.#lastId += 1;
    this.handle({ kind: "append", id: this.#lastId, items });
    return this.#lastId;
  }

  fetch(request: ReadRequest): number {
    this.#lastId += 1;
    this.handle({ kind: "read", id: this.#lastId, request });
    return this.#lastId;
  }

  #note(effects: readonly BrokerEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "append-done") {
        if (this.appended.has(effect.id)) throw new Error(`append ${effect.id} was answered twice`);
        this.appended.set(effect.id, effect.outcomes);
      } else if (effect.kind === "read-done") {
        if (this.read.has(effect.id)) throw new Error(`read ${effect.id} was answered twice`);
        this.read.set(effect.id, effect.outcomes);
      } else if (effect.kind === "extent-done") this.extents.set(effect.id, effect);
      else if (effect.kind === "log") this.logs.push(effect);
      else if (effect.kind === "unfollow") {
        const at = this.pending.findIndex((other) => other.kind === "follow" && other.id === effect.id);
        if (at < 0) throw new Error("an unfollow without its follow");
        this.pending.splice(at, 1);
      } else this.pending.push(effect);
    }
  }

  of<K extends BrokerEffect["kind"]>(kind: K): EffectOf<K>[] {
    return this.pending.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  take<T extends BrokerEffect>(effect: T): T {
    this.pending.splice(this.pending.indexOf(effect), 1);
    return effect;
  }

  one<K extends BrokerEffect["kind"]>(kind: K): EffectOf<K> {
    const found = this.of(kind);
    if (found.length !== 1) throw new Error(`expected one ${kind}, there are ${found.length}`);
    return found[0]!;
  }

  /** Carries the effect out and answers it. False: a follow with nothing new, which stays. */
  answer(effect: BrokerEffect): boolean {
    if (effect.kind === "follow") {
      const reply = this.leader(effect.cell).follow(effect.cursor);
      if (reply === undefined && effect.maxWaitMs > 0) return false;
      this.take(effect);
      this.handle({ kind: "follow-reply", id: effect.id, reply: reply ?? { cursor: effect.cursor, gap: false, updates: [] } });
      return true;
    }
    this.take(effect);
    if (effect.kind === "register") this.handle({ kind: "registered", brokerEpoch: this.nextEpoch() });
    else if (effect.kind === "put") {
      this.objects.set(effect.key, effect.bytes.slice());
      this.handle({ kind: "put-done", id: effect.id });
    } else if (effect.kind === "commit") {
      const reply = this.leader(effect.cell).commit(effect.request);
      this.handle({ kind: "commit-reply", id: effect.id, reply });
    } else if (effect.kind === "find") {
      this.handle({ kind: "find-reply", id: effect.id, reply: this.leader(effect.cell).find(effect.requests) });
    } else if (effect.kind === "get") {
      const bytes = this.objects.get(effect.key)?.slice(effect.start, effect.start + effect.length);
      this.handle({ kind: "get-done", id: effect.id, bytes });
    }
    return true;
  }

  nextEpoch(): number {
    this.#lastEpoch += 1;
    for (const leader of this.leaders.values()) this.#lastEpoch = Math.max(this.#lastEpoch, Math.ceil(leader.commits / 1e9));
    return this.#lastEpoch;
  }

  skipEpochs(count: number): void {
    this.#lastEpoch += count;
  }

  /** Answers everything that can be answered now, oldest first, without time passing. */
  run(): void {
    for (let round = 0; round < 10_000; round += 1) {
      if (!this.pending.slice().some((effect) => this.pending.includes(effect) && this.answer(effect))) return;
    }
    throw new Error("the machine never comes to rest");
  }

  /** A broker that is registered and warm. */
  static started(settings: Partial<Settings> = {}): Driver {
    const driver = new Driver(settings);
    driver.append([itemOf(-1, { topicId: topicB, partition: 99, cell: 99 })]);
    driver.run();
    return driver;
  }
}

/** Another broker that has written `tags` to partition 0, and this one, which has read nothing yet. */
export function withWrites(tags: readonly number[], options = {}): { driver: Driver; writer: Driver } {
  const writer = Driver.started();
  for (const tag of tags) {
    writer.append([itemOf(tag, {}, options)]);
    writer.run();
    writer.pass(1000);
  }
  return { writer, driver: new Driver({}, 1, writer) };
}
