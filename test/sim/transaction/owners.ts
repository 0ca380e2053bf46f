/**
 * Transactional ids with their coordinators, and whoever runs their applications: sees that an instance of each lives, and now and then
 * that two do. What a scenario of transactions begins with, and one of compaction too.
 */
import type { Cluster, SimulatedBroker } from "../broker.ts";
import type { SimulatedLeader } from "../leader.ts";
import type { PartitionPlace } from "../scenario.ts";
import { SimulatedCoordinator } from "./coordinator.ts";
import { ProduceGate } from "./produce.ts";
import { SimulatedInstance, type ProducerSurroundings } from "./producer.ts";

const dayMs = 86_400_000;

export interface Transactions {
  readonly coordinators: readonly SimulatedCoordinator[];
  readonly owners: readonly Owner[];
  /** Set it to true, and nobody begins another transaction. */
  readonly storm: { over: boolean };
}

export function beginTransactions(
  cluster: Cluster,
  brokers: readonly SimulatedBroker[],
  places: readonly PartitionPlace[],
  keys?: number,
): Transactions {
  const { world, network, leaders, plant, record } = cluster;
  const options = { timeoutMsMax: 900_000, expirationMs: 7 * dayMs };
  const coordinators = Array.from(
    { length: world.random.between(1, 3) },
    (_, id) => new SimulatedCoordinator(`coordinator ${id}`, { world, network, leaders, options, plant, record }),
  );
  const storm = { over: false };
  let lastProducerId = 4000;
  const surroundings: ProducerSurroundings = {
    world,
    network,
    gates: brokers.map((broker) => new ProduceGate(broker, network)),
    places,
    record,
    newProducerId: () => (lastProducerId += 1),
    storm,
    keys,
  };
  return { coordinators, owners: coordinators.map((coordinator, id) => new Owner(surroundings, coordinator, id)), storm };
}

/** What is wrong when all transactions should have ended. */
export function unstable(places: readonly PartitionPlace[], leaders: readonly SimulatedLeader[]): string[] {
  return places.flatMap((place) => {
    const { lastStableOffset, highWatermark } = leaders[place.cell]!.bounds(place);
    const isStable = lastStableOffset === highWatermark;
    return isStable ? [] : [`${place.name} is stable up to ${lastStableOffset} of ${highWatermark} for ever`];
  });
}

/** Whoever runs the application of one transactional id: sees that an instance of it lives, and now and then that two do. */
class Owner {
  instances = 0;
  readonly #surroundings: ProducerSurroundings;
  readonly #coordinator: SimulatedCoordinator;
  readonly #id: number;
  readonly #version: 1 | 2;
  #current: SimulatedInstance;
  readonly #all: SimulatedInstance[] = [];

  constructor(surroundings: ProducerSurroundings, coordinator: SimulatedCoordinator, id: number) {
    this.#surroundings = surroundings;
    this.#coordinator = coordinator;
    this.#id = id;
    this.#version = surroundings.world.random.pick([1, 2] as const);
    this.#current = this.#start();
    this.#look();
  }

  #start(): SimulatedInstance {
    const { random } = this.#surroundings.world;
    const version = random.chance(0.1) ? random.pick([1, 2] as const) : this.#version;
    const name = `p${this.#id}.${this.instances++}`;
    const timeoutMs = random.pick([1500, 5000, 20_000]);
    const paddingMax = random.pick([100, 5000, 60_000]);
    const instance = new SimulatedInstance(this.#surroundings, {
      name,
      coordinator: this.#coordinator,
      version,
      timeoutMs,
      paddingMax,
    });
    this.#all.push(instance);
    return instance;
  }

  #look(): void {
    const { world, storm } = this.#surroundings;
    const { random } = world;
    world.after(random.between(200, 2000), `owner ${this.#id} looks`, () => {
      if (storm.over) return;
      const fate = random.next();
      if (!this.#current.life.alive) this.#current = this.#start();
      else if (fate < 0.13) this.#current.die();
      else if (fate < 0.26) this.#current.pause(random.between(500, 8000));
      // The old one goes on as a zombie.
      else if (fate < 0.34) this.#current = this.#start();
      this.#look();
    });
  }

  retire(): void {
    for (const instance of this.#all) instance.die();
  }
}
