/**
 * One run of transactions from one seed: producers of both transaction versions whose instances die, pause and fence each other,
 * coordinators, brokers and leaders that die anywhere, readers that take committed records only; then an end to the faults, and a
 * while in which every transaction must end.
 */
import type { Happening } from "../history.ts";
import { judge } from "../judge.ts";
import { beginBrokers } from "../broker.ts";
import { SimulatedLeader } from "../leader.ts";
import { Network } from "../network.ts";
import { planted, type Plant } from "../plants.ts";
import { drawPlaces, drawSettings, planCrashes } from "../scenario.ts";
import { SimulatedStore } from "../store.ts";
import { World } from "../world.ts";
import { beginTransactions, unstable } from "./owners.ts";
import { CommittedReader, readToTheEnd } from "./reader.ts";

export interface TransactionRunOptions {
  readonly seed: number;
  readonly print?: ((line: string) => void) | undefined;
  /** A bug to plant: the proof that a checker can fire. */
  readonly plant?: Plant;
}

export interface TransactionVerdict {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly logHash: number;
  readonly events: number;
  readonly crashes: number;
  readonly committed: number;
  readonly aborted: number;
  readonly instances: number;
  readonly drains: number;
}

const stormMs = 15_000;
/** The longest time-out, and then some. */
const calmMs = 90_000;
const restMs = 600_000;

export function runTransactionScenario(options: TransactionRunOptions): TransactionVerdict {
  const world = new World(options.seed, options.print);
  const { random } = world;
  const history: Happening[] = [];
  const record = (event: Happening): void => void history.push(event);
  const settings = drawSettings(world, options.seed);
  const faulty = random.chance(0.85);
  const network = new Network(world, {
    delayMsMax: random.pick([5, 50, 400, 4000]),
    lost: faulty ? random.pick([0, 0.01, 0.05]) : 0,
    repeated: faulty ? random.pick([0, 0.02, 0.1]) : 0,
  });
  const putMsMax = random.pick([100, 300, 1500, 9000]);
  const store = new SimulatedStore(
    world,
    { putMsMin: random.pick([0, 5, 100]), putMsMax, failed: faulty ? random.pick([0, 0.05, 0.2]) : 0, failedAfterWorking: 0 },
    record,
  );
  const places = drawPlaces(world);
  const plant = planted(options.plant);
  const inCell = (cell: number) => places.filter((place) => place.cell === cell);
  const leaders = [0, 1].map((cell) => new SimulatedLeader(world, cell, inCell(cell), { settings, store, record, plant }));
  const { cluster, brokers } = beginBrokers({ world, network, store, leaders, settings, record, plant });
  const { coordinators, owners, storm } = beginTransactions(cluster, brokers, places);
  const readers = Array.from(
    { length: random.between(1, 3) },
    (_, id) =>
      new CommittedReader(world, brokers, { name: `reader ${id}`, places, maxWaitMs: random.pick([10, 500]), plant }, record),
  );
  const nodes = [...brokers, ...leaders, ...coordinators];
  const crashes = faulty ? planCrashes(world, nodes, stormMs) + planCrashes(world, nodes, stormMs) : 0;

  world.run(stormMs);
  storm.over = true;
  network.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
  store.faults = { putMsMin: 1, putMsMax: 20, failed: 0, failedAfterWorking: 0 };
  for (const node of nodes) if (!node.life.alive) node.start();
  world.run(world.now + calmMs);
  for (const owner of owners) owner.retire();
  world.run(world.now + calmMs);
  for (const what of unstable(places, leaders)) record({ kind: "stuck", at: world.now, what });
  for (const reader of readers) reader.stopped = true;
  readToTheEnd(cluster, brokers, places, restMs);
  world.run(world.now + 120_000);
  for (const { idle, brokerId } of brokers)
    if (!idle) record({ kind: "stuck", at: world.now, what: `broker ${brokerId} still waits for something` });

  const ended = history.filter((event) => event.kind === "ended");
  return {
    seed: options.seed,
    violations: judge(history),
    logHash: world.logHash,
    events: world.eventCount,
    crashes,
    committed: ended.filter(({ commit }) => commit).length,
    aborted: ended.filter(({ commit }) => !commit).length,
    instances: owners.reduce((sum, { instances }) => sum + instances, 0),
    drains: history.filter(({ kind }) => kind === "drained").length,
  };
}
