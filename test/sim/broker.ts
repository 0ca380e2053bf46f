/**
 * A broker's shell in the simulated world: the real machine, its effects carried out over the simulated network and store. It can
 * be killed between any two events; its next life gets a new machine and a new epoch, and clients of the old one hear nothing.
 */
import { BrokerMachine } from "../../core/broker/machine.ts";
import type { BrokerEffect, BrokerEvent } from "../../core/broker/events.ts";
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "../../core/broker/interface.ts";
import type { BrokerFloor } from "../../core/cluster/wal-garbage.ts";
import type { CommitReply, FindReply, FollowReply } from "../../core/coordinator.ts";
import type { Settings } from "../../core/settings.ts";
import { twins } from "../../kernel/twins/twins.ts";
import type { Happening } from "./history.ts";
import type { SimulatedLeader } from "./leader.ts";
import { Life, type Network } from "./network.ts";
import type { Planted } from "./plants.ts";
import type { SimulatedStore } from "./store.ts";
import type { World } from "./world.ts";

export interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly store: SimulatedStore;
  readonly leaders: readonly SimulatedLeader[];
  readonly settings: Settings;
  /** Durable, as the controller's row is: the last epoch given to each broker. */
  readonly brokerEpochs: Map<number, number>;
  readonly controller: Life;
  /** A broker has a new epoch: what its last one left behind may go. */
  superseded?: () => void;
  readonly record: (event: Happening) => void;
  readonly plant: Planted;
}

/** From one to three of them, and what they share. */
export function beginBrokers(shared: Omit<Cluster, "brokerEpochs" | "controller" | "superseded">) {
  const cluster: Cluster = { ...shared, brokerEpochs: new Map(), controller: new Life() };
  const brokers = Array.from({ length: shared.world.random.between(1, 3) }, (_, id) => new SimulatedBroker(cluster, id));
  return { cluster, brokers };
}

type GetEffect = Extract<BrokerEffect, { readonly kind: "get" }>;
type Answer<T> = (value: T | undefined) => void;

export class SimulatedBroker {
  readonly life = new Life();
  readonly brokerId: number;
  /** Counts lives: a client's connection belongs to one. */
  incarnation = 0;
  readonly #cluster: Cluster;
  #machine: BrokerMachine;
  #nextId = 1;
  #tickPlannedFor: number | undefined;
  readonly #appends = new Map<number, Answer<readonly AppendOutcome[]>>();
  readonly #reads = new Map<number, Answer<readonly ReadOutcome[]>>();
  readonly #gets = new Set<GetEffect>();

  constructor(cluster: Cluster, brokerId: number) {
    this.#cluster = cluster;
    this.brokerId = brokerId;
    this.#machine = this.#newMachine();
  }

  #newMachine(): BrokerMachine {
    return new BrokerMachine({ brokerId: this.brokerId, settings: this.#cluster.settings, kernel: twins });
  }

  kill(): void {
    this.#cluster.world.log(`broker ${this.brokerId} dies`);
    this.life.die();
    this.incarnation += 1;
    const waiting = [...this.#appends.values(), ...this.#reads.values()];
    this.#appends.clear();
    this.#reads.clear();
    this.#gets.clear();
    // A cut connection is noticed later, and never twice.
    for (const answer of waiting)
      this.#cluster.world.after(this.#cluster.network.delay(), "connection cut", () => answer(undefined));
  }

  start(): void {
    this.#cluster.world.log(`broker ${this.brokerId} starts`);
    this.life.start();
    this.#machine = this.#newMachine();
    this.#tickPlannedFor = undefined;
  }

  /** What it says of its own objects (D12). */
  get floor(): BrokerFloor {
    return { brokerId: this.brokerId, brokerEpoch: this.#machine.brokerEpoch, floor: this.#machine.sequenceFloor };
  }

  /** What is left to wait for, when nothing ought to be. */
  get idle(): boolean {
    return this.#appends.size === 0 && this.#reads.size === 0 && this.#machine.nextDeadline() === undefined;
  }

  /** Answers undefined when the connection is lost before. */
  append(items: readonly AppendItem[], answer: Answer<readonly AppendOutcome[]>): void {
    const id = this.#nextId++;
    this.#appends.set(id, answer);
    const begin = this.life.bind(() => this.#handle({ kind: "append", id, items }));
    if (this.#cluster.plant.is("swap-batches") && this.#cluster.world.random.chance(0.3)) {
      this.#cluster.world.after(20, "an append is overtaken", begin);
    } else begin();
  }

  read(request: ReadRequest, answer: Answer<readonly ReadOutcome[]>): void {
    const id = this.#nextId++;
    this.#reads.set(id, answer);
    this.#handle({ kind: "read", id, request });
  }

  #handle(event: BrokerEvent): void {
    this.#perform(this.#machine.handle(event, this.#cluster.world.now));
  }

  #perform(effects: readonly BrokerEffect[]): void {
    for (const effect of effects) this.#performOne(effect);
    this.#planTick();
  }

  #planTick(): void {
    const deadline = this.#machine.nextDeadline();
    const { world } = this.#cluster;
    if (deadline === undefined || this.#tickPlannedFor === deadline) return;
    this.#tickPlannedFor = deadline;
    const tick = this.life.bind(() => {
      if (this.#tickPlannedFor === deadline) this.#tickPlannedFor = undefined;
      this.#perform(this.#machine.tick(world.now));
    });
    world.after(Math.max(0, deadline - world.now), `broker ${this.brokerId} ticks`, tick);
  }

  #performOne(effect: BrokerEffect): void {
    const { world, network, store, leaders } = this.#cluster;
    const name = `broker ${this.brokerId} ${effect.kind}`;
    const tell = (event: BrokerEvent): void => this.#handle(event);
    switch (effect.kind) {
      case "register":
        network.call<number>(
          name,
          this.life,
          this.#cluster.controller,
          (answer) => {
            const epoch = (this.#cluster.brokerEpochs.get(this.brokerId) ?? 0) + 1;
            this.#cluster.brokerEpochs.set(this.brokerId, epoch);
            if (epoch > 1) this.#cluster.superseded?.();
            answer(epoch);
          },
          (brokerEpoch) => tell({ kind: "registered", brokerEpoch }),
          () => tell({ kind: "register-failed", message: "no answer" }),
        );
        return;
      case "put":
        if (this.#cluster.plant.is("acknowledge-before-put") && world.random.chance(0.3)) {
          world.after(
            1,
            "a put that never was",
            this.life.bind(() => tell({ kind: "put-done", id: effect.id })),
          );
          return;
        }
        store.put(
          this.life,
          effect.key,
          effect.bytes,
          () => tell({ kind: "put-done", id: effect.id }),
          () => tell({ kind: "put-failed", id: effect.id, message: "injected" }),
        );
        return;
      case "get":
        this.#get(effect);
        if (this.#cluster.plant.is("get-twice")) this.#get({ ...effect });
        return;
      case "commit": {
        const leader = leaders[effect.cell]!;
        // What travels is a copy: the machine writes offsets into its own bytes later.
        const request = structuredClone(effect.request);
        network.call<CommitReply>(
          `${name} ${request.brokerEpoch}/${request.number} to cell ${effect.cell}`,
          this.life,
          leader.life,
          (answer) => leader.commit(request, answer),
          (reply) => tell({ kind: "commit-reply", id: effect.id, reply }),
          () => tell({ kind: "commit-failed", id: effect.id, message: "no answer" }),
        );
        return;
      }
      case "find": {
        const leader = leaders[effect.cell]!;
        network.call<FindReply>(
          name,
          this.life,
          leader.life,
          (answer) => leader.find(effect.requests, answer),
          (reply) => tell({ kind: "find-reply", id: effect.id, reply }),
          () => tell({ kind: "find-failed", id: effect.id, message: "no answer" }),
        );
        return;
      }
      case "follow": {
        const leader = leaders[effect.cell]!;
        network.call<FollowReply>(
          name,
          this.life,
          leader.life,
          (answer) => leader.follow(effect.cursor, effect.maxWaitMs, answer),
          (reply) => tell({ kind: "follow-reply", id: effect.id, reply }),
          () => tell({ kind: "follow-failed", id: effect.id, message: "no answer" }),
          effect.maxWaitMs + 3000,
        );
        return;
      }
      case "append-done": {
        if (this.#cluster.plant.is("never-answer") && world.random.chance(0.05)) return;
        const answer = this.#appends.get(effect.id);
        this.#appends.delete(effect.id);
        if (answer !== undefined) {
          const codes = effect.outcomes.map((outcome) =>
            outcome.errorCode === 0 ? outcome.baseOffset : `error ${outcome.errorCode}`,
          );
          world.after(0, `append ${effect.id} at broker ${this.brokerId} answered ${codes.join()}`, () => answer(effect.outcomes));
        }
        return;
      }
      case "read-done": {
        const answer = this.#reads.get(effect.id);
        this.#reads.delete(effect.id);
        // Reading views later would be reading memory that may be used again: a response is written at once.
        answer?.(effect.outcomes.map((outcome) => this.#copyOf(outcome)));
        world.after(
          1,
          `read ${effect.id} released`,
          this.life.bind(() => tell({ kind: "read-released", id: effect.id })),
        );
        return;
      }
      case "extent-done":
      case "unfollow":
        return;
      case "log":
        world.log(`${name}: ${effect.level} ${effect.event} ${JSON.stringify(effect.fields)}`);
    }
  }

  #get(effect: GetEffect): void {
    const { key, start, length, id } = effect;
    const isOnItsWay = [...this.#gets].some(
      (other) => other.key === key && other.start <= start && start + length <= other.start + other.length,
    );
    this.#gets.add(effect);
    const { world, record, store } = this.#cluster;
    record({ kind: "get-sent", at: world.now, broker: this.brokerId, key, start, inFlight: this.#gets.size, isOnItsWay });
    const answered = (event: BrokerEvent): void => {
      this.#gets.delete(effect);
      this.#handle(event);
    };
    const done = (bytes: Uint8Array | undefined): void => answered({ kind: "get-done", id, bytes });
    store.get(this.life, key, start, length, done, () => answered({ kind: "get-failed", id, message: "injected" }));
  }

  #copyOf(outcome: ReadOutcome): ReadOutcome {
    const { highWatermark } = outcome.bounds;
    const back =
      this.#cluster.plant.is("watermark-goes-back") && this.#cluster.world.random.chance(0.1) ? Math.min(1, highWatermark) : 0;
    const bounds = { ...outcome.bounds, highWatermark: highWatermark - back };
    const { plant, world } = this.#cluster;
    const skipped = plant.is("skip-an-offset") && outcome.records.length > 1 && world.random.chance(0.2) ? 1 : 0;
    return { ...outcome, bounds, records: outcome.records.slice(skipped).map((bytes) => bytes.slice()) };
  }
}
