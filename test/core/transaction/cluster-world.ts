/**
 * Two leaders, a group and a few transactional ids, all of the real machines over rows in memory, and producers that use them as
 * brokers and clients do: questions overtake each other, are lost and come twice, words of coordinators are used long after they were
 * given, and every object dies between any two of its effects. What is true in the end is judged from rows alone.
 */
import type { BatchResult } from "../../../core/coordinator.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { GroupMachine } from "../../../core/group/machine.ts";
import { groupOptions } from "../../../core/group/options.ts";
import type { Effect } from "../../../core/group/outbox.ts";
import type { GroupRequest } from "../../../core/group/events.ts";
import type { StoredRow, StoredSnapshot } from "../../../core/group/ring.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { isHeard, markerRequest } from "../../../core/transaction/end-calls.ts";
import type { EndCall, TransactionEffect, TransactionEvent, TransactionRequest } from "../../../core/transaction/events.ts";
import { TransactionMachine } from "../../../core/transaction/machine.ts";
import { fromRow } from "../../../core/transaction/state.ts";
import { Chain, within } from "../../contract/commits.ts";
import { World } from "../../sim/world.ts";

export const topicId = "00000000-0000-4000-8000-00000000000a";
export const partitions = [0, 1, 2, 3];
export const cellOf = (partition: number): number => partition % 2;
const options = { timeoutMsMax: 900_000, expirationMs: 604_800_000 };
/** More than any machine's: what nobody answers is asked again by those who wait for it. */
const callMs = 500;

/** A batch that a leader took, whether or not the producer heard so. */
export interface Taken {
  readonly partition: number;
  readonly offset: number;
  readonly producerId: number;
  readonly generation: number;
}

export class ClusterWorld {
  readonly world: World;
  readonly leaders: MemoryCoordinator[];
  readonly taken: Taken[] = [];
  /** By producer id and generation: how it was decided to end, by the first row that says so. */
  readonly decided = new Map<string, "commit" | "abort">();
  readonly group: SimulatedGroup;
  readonly ids = new Map<string, SimulatedId>();
  readonly stable = new Map<number, number>();
  readonly violations: string[] = [];
  kills = 0;
  faulty = true;
  /** Of each partition: the transactions whose marker its leader has taken. */
  readonly marked = new Map<number, Set<string>>(partitions.map((partition) => [partition, new Set()]));
  nextProducerId = 1;
  readonly #chains = [new Chain(), new Chain()];

  constructor(seed: number) {
    this.world = new World(seed);
    this.leaders = [0, 1].map((cell) => new MemoryCoordinator({ cell, rows: new MemoryRows(), now: () => this.world.now }));
    for (const partition of partitions)
      void this.leaders[cellOf(partition)]!.createPartitions([{ topicId, partition }], { timestampType: "CreateTime" });
    this.group = new SimulatedGroup(this);
  }

  id(name: string): SimulatedId {
    let id = this.ids.get(name);
    if (id === undefined) this.ids.set(name, (id = new SimulatedId(this)));
    return id;
  }

  /** A call and its answer: late, lost, twice. */
  call<Answer>(serve: (answer: (value: Answer) => void) => void, answered: (value: Answer | undefined) => void): void {
    const { random } = this.world;
    const delay = () => (random.chance(0.1) ? random.between(0, 400) : random.between(0, 5));
    let isSettled = false;
    const settle = (value: Answer | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      answered(value);
    };
    const reply = (value: Answer): void => {
      if (!this.faulty || !random.chance(0.05)) this.world.after(delay(), "answer", () => settle(value));
    };
    if (!this.faulty || !random.chance(0.05)) this.world.after(delay(), "call", () => serve(reply));
    if (this.faulty && random.chance(0.05)) this.world.after(delay() + delay(), "call again", () => serve(reply));
    this.world.after(callMs * 3, "patience", () => settle(undefined));
  }

  append(partition: number, producerId: number, epoch: number, sequence: number, generation: number): BatchResult {
    const cell = cellOf(partition);
    const leader = this.leaders[cell]!;
    const batch = within(generation, producerId, sequence, epoch);
    const reply = leader.commitNow(this.#chains[cell]!.inline([[{ topicId, partition }, [batch]]]));
    if (reply.kind !== "committed") throw new Error(`a commit was answered with ${reply.kind}`);
    const [result] = reply.results;
    if (result!.errorCode === 0 && !result!.duplicate)
      this.taken.push({ partition, offset: result!.baseOffset, producerId, generation });
    this.look();
    return result!;
  }

  killLeader(cell: number): void {
    this.kills += 1;
    this.leaders[cell] = new MemoryCoordinator({ cell, rows: this.leaders[cell]!.rows, now: () => this.world.now });
  }

  /** The last stable offset never goes back. */
  look(): void {
    for (const partition of partitions) {
      const { bounds } = this.find(partition);
      const before = this.stable.get(partition) ?? 0;
      if (bounds.lastStableOffset < before) this.violations.push(`partition ${partition}: stable offset went back from ${before}`);
      this.stable.set(partition, bounds.lastStableOffset);
    }
  }

  find(partition: number) {
    const request = { topicId, partition, offset: 0, maxBytes: 1 << 30 };
    return this.leaders[cellOf(partition)]!.cell.findBatches([request]).results[0]!;
  }

  dies(): boolean {
    return this.faulty && this.world.random.chance(0.02);
  }
}

/** A transactional id's coordinator: dies before its row is written or after it, with its answers and calls. */
export class SimulatedId {
  row: string | undefined;
  readonly #cluster: ClusterWorld;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #machine = new TransactionMachine(options);
  #nextRequestId = 1;
  #alarmAt: number | undefined;

  constructor(cluster: ClusterWorld) {
    this.#cluster = cluster;
  }

  ask(request: TransactionRequest, answer: (answer: unknown) => void): void {
    const requestId = this.#nextRequestId++;
    this.#waiting.set(requestId, answer);
    this.handle({ ...request, requestId });
  }

  handle(event: TransactionEvent): void {
    this.#apply(this.#machine.handle(event, this.#cluster.world.now));
  }

  #apply(effects: readonly TransactionEffect[]): void {
    if (this.#cluster.dies()) return this.kill();
    for (const effect of effects) if (effect.kind === "row") this.#write(effect.value);
    for (const effect of effects) {
      if (this.#cluster.dies()) return this.kill();
      if (effect.kind === "reply") this.#waiting.get(effect.requestId)?.(effect.answer);
      if (effect.kind === "call") this.#call(effect.call);
    }
    this.#arrange();
  }

  #write(value: string): void {
    this.row = value;
    const { name, producerId, generation } = fromRow(value);
    if (!name.startsWith("Prepare")) return;
    const key = `${producerId}/${generation}`;
    const now = name === "PrepareCommit" ? "commit" : "abort";
    const before = this.#cluster.decided.get(key);
    if (before !== undefined && before !== now) this.#cluster.violations.push(`${key} was decided twice`);
    this.#cluster.decided.set(key, now);
  }

  #call(call: EndCall): void {
    const machine = this.#machine;
    this.#cluster.call<boolean>(
      (answer) => {
        if (call.kind === "offsets")
          return this.#cluster.group.ask({ kind: "transaction-ended", end: call.end }, () => answer(true));
        const [codes] = this.#cluster.leaders[call.cell]!.writeMarkersNow([markerRequest(call)]);
        this.#cluster.look();
        const ending = `${call.end.producerId}/${call.end.generation}`;
        for (const { partition } of call.partitions) this.#cluster.marked.get(partition)!.add(ending);
        answer(codes!.every(isHeard));
      },
      (isDone) => {
        if (machine === this.#machine) this.handle({ kind: "call-answered", callId: call.callId, isDone: isDone === true });
      },
    );
  }

  #arrange(): void {
    const { world } = this.#cluster;
    const machine = this.#machine;
    const alarmAt = machine.wantsAlarm(this.#alarmAt, world.now);
    if (alarmAt !== undefined) this.#setAlarm(alarmAt);
    const deadline = machine.nextDeadline(this.#alarmAt);
    if (deadline !== undefined)
      world.after(
        Math.max(0, deadline - world.now),
        "timer",
        () => machine === this.#machine && this.#apply(machine.tick(world.now)),
      );
  }

  #setAlarm(alarmAt: number): void {
    const { world } = this.#cluster;
    this.#alarmAt = alarmAt;
    world.after(alarmAt - world.now, "alarm", () => {
      if (this.#alarmAt !== alarmAt) return;
      this.#alarmAt = undefined;
      this.handle({ kind: "alarm" });
    });
  }

  kill(): void {
    this.#cluster.kills += 1;
    this.#waiting.clear();
    this.#machine = TransactionMachine.restore(options, this.row, this.#cluster.world.now);
    this.#arrange();
  }
}

/** The group's object, over its ring and snapshot. */
export class SimulatedGroup {
  readonly #cluster: ClusterWorld;
  readonly #slots = new Map<number, StoredRow>();
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  readonly #options = groupOptions(settingDefaults, "g");
  #snapshot: StoredSnapshot | undefined;
  #machine: GroupMachine;
  #nextRequestId = 1;

  constructor(cluster: ClusterWorld) {
    this.#cluster = cluster;
    this.#machine = new GroupMachine(this.#options);
  }

  ask(request: GroupRequest, answer: (answer: unknown) => void): void {
    const requestId = this.#nextRequestId++;
    this.#waiting.set(requestId, answer);
    const effects = this.#machine.handle({ ...request, requestId }, this.#cluster.world.now);
    if (this.#cluster.dies()) return this.kill();
    for (const effect of effects) this.#apply(effect);
    if (this.#cluster.dies()) return this.kill();
    for (const effect of effects) if (effect.kind === "reply") this.#waiting.get(effect.requestId)?.(effect.answer);
  }

  #apply(effect: Effect): void {
    if (effect.kind === "row") this.#slots.set(effect.slot, { sequence: effect.sequence, entry: effect.entry });
    if (effect.kind === "snapshot") this.#snapshot = { sequence: effect.sequence, chunks: effect.chunks };
    if (effect.kind !== "wipe") return;
    this.#slots.clear();
    this.#snapshot = undefined;
  }

  kill(): void {
    this.#cluster.kills += 1;
    this.#waiting.clear();
    this.#machine = GroupMachine.restore(this.#options, this.#snapshot, [...this.#slots.values()], this.#cluster.world.now);
  }
}
