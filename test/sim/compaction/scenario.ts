/**
 * One run of compacted partitions from one seed: producers of keyed records and deletions, with transactions in most runs, mergers that
 * compact while they, brokers and leaders die anywhere, readers that go through the logs again and again; then an end to the faults, a
 * while in which everything is compacted, and a last look.
 */
import type { Settings } from "../../../core/settings.ts";
import { beginBrokers } from "../broker.ts";
import type { Happening } from "../history.ts";
import { judge } from "../judge.ts";
import { SimulatedLeader } from "../leader.ts";
import { Network } from "../network.ts";
import { planted, type Plant } from "../plants.ts";
import { SimulatedProducer } from "../producer.ts";
import { beginMergers, drawPlaces, drawSettings, planCrashes } from "../scenario.ts";
import { SimulatedStore } from "../store.ts";
import { beginTransactions, unstable, type Transactions } from "../transaction/owners.ts";
import { readToTheEnd } from "../transaction/reader.ts";
import { World } from "../world.ts";
import { Sweeper } from "./sweeper.ts";

export interface CompactionRunOptions {
  readonly seed: number;
  readonly print?: ((line: string) => void) | undefined;
  readonly plant?: Plant;
}

export interface CompactionVerdict {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly logHash: number;
  readonly events: number;
  readonly crashes: number;
  readonly acknowledged: number;
  readonly merges: number;
  readonly compactions: number;
  readonly sweeps: number;
  readonly committed: number;
  readonly aborted: number;
  /** Records that were there once and are no more. */
  readonly gone: number;
}

const noTransactions: Transactions = { coordinators: [], owners: [], storm: { over: false } };
const faultsMs = 6000;
const restMs = 600_000;
/** Offsets may be left out here, and bytes of batches change. */
const others = ["offsets-gapless", "acked-survives", "view-never-changes", "nothing-uncommitted-visible", "producer-order"];

export function runCompactionScenario({ seed, print, plant: bug }: CompactionRunOptions): CompactionVerdict {
  const world = new World(seed, print);
  const { random } = world;
  const history: Happening[] = [];
  const record = (event: Happening): void => void history.push(event);
  const settings: Settings = { ...drawSettings(world, seed), "log.cleaner.backoff.ms": random.pick([1, 100]) };
  const faulty = random.chance(0.85);
  const network = new Network(world, {
    delayMsMax: random.pick([5, 50, 400]),
    lost: faulty ? random.pick([0, 0.01, 0.05]) : 0,
    repeated: faulty ? random.pick([0, 0.02, 0.1]) : 0,
  });
  const store = new SimulatedStore(
    world,
    {
      putMsMin: random.pick([0, 5]),
      putMsMax: random.pick([30, 300]),
      failed: faulty ? random.pick([0, 0.05]) : 0,
      failedAfterWorking: 0,
    },
    record,
  );
  const places = drawPlaces(world);
  const plant = planted(bug);
  // A reader that takes longer than this may miss a deletion, as in Kafka.
  const deleteRetentionMs = 100_000;
  const leaders = [0, 1].map((cell) => {
    const inCell = places.filter((place) => place.cell === cell);
    return new SimulatedLeader(world, cell, inCell, { settings, store, record, plant, deleteRetentionMs });
  });
  const { cluster, brokers } = beginBrokers({ world, network, store, leaders, settings, record, plant });
  store.isReferenced = (key) => leaders.some((leader) => leader.refersTo(key));
  const keys = random.pick([2, 5, 12]);
  const producers = Array.from(
    { length: random.between(2, 4) },
    (_, index) =>
      new SimulatedProducer(
        world,
        brokers,
        {
          name: `p${index}`,
          producerId: 1000 + index,
          idempotent: random.chance(0.7),
          place: random.pick(places),
          batches: random.between(5, 40),
          pauseMsMax: random.pick([20, 300]),
          paddingMax: random.pick([100, 3000]),
          keys,
        },
        record,
      ),
  );
  const sweepers = places.map(
    (place, index) => new Sweeper(world, brokers, { name: `sweeper ${index}`, place, maxWaitMs: random.pick([10, 500]) }, record),
  );
  const mergers = beginMergers(world, seed, { settings, network, store, leaders, record, plant });
  const { coordinators, owners, storm } = random.chance(0.7) ? beginTransactions(cluster, brokers, places, keys) : noTransactions;
  const nodes = [...brokers, ...leaders, ...coordinators];
  const crashes = faulty ? planCrashes(world, nodes, faultsMs) : 0;

  world.run(faultsMs);
  storm.over = true;
  network.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
  store.faults = { putMsMin: 1, putMsMax: 20, failed: 0, failedAfterWorking: 0 };
  for (const node of [...nodes, ...mergers]) if (!node.life.alive) node.start();
  const settled = (): boolean => producers.every((producer) => producer.finished);
  world.run(world.now + restMs, settled);
  if (!settled()) record({ kind: "stuck", at: world.now, what: "producers have not come to their end" });
  for (const sweeper of sweepers) sweeper.pauseMsMax = 20_000;
  // The longest time-out, and then some; then what instances that never ended left behind.
  if (owners.length > 0) world.run(world.now + 90_000);
  for (const owner of owners) owner.retire();
  // Claims of mergers that died run out meanwhile.
  world.run(world.now + 400_000);
  for (const what of unstable(places, leaders)) record({ kind: "stuck", at: world.now, what });
  const before = sweepers.map(({ sweeps }) => sweeps);
  const swept = (): boolean => sweepers.every(({ sweeps }, index) => sweeps >= before[index]! + 2);
  world.run(world.now + restMs, swept);
  if (!swept()) record({ kind: "stuck", at: world.now, what: "a reader does not come to the end of its log" });
  for (const sweeper of sweepers) sweeper.stopped = true;
  for (const merger of mergers) merger.stopped = true;
  readToTheEnd(cluster, brokers, places, restMs);
  world.run(world.now + 120_000);
  for (const broker of brokers) {
    if (!broker.idle) record({ kind: "stuck", at: world.now, what: `broker ${broker.brokerId} still waits for something` });
  }
  const count = (kind: Happening["kind"]): number => history.filter((event) => event.kind === kind).length;
  return {
    seed,
    violations: judge(history).filter((line) => !others.some((name) => line.startsWith(`${name}:`))),
    logHash: world.logHash,
    events: world.eventCount,
    crashes,
    acknowledged: count("acknowledged"),
    merges: count("merged"),
    compactions: count("compacted"),
    sweeps: count("swept"),
    committed: history.filter((event) => event.kind === "ended" && event.commit).length,
    aborted: history.filter((event) => event.kind === "ended" && !event.commit).length,
    gone: goneOf(history),
  };
}

function goneOf(history: readonly Happening[]): number {
  const everSeen = new Map<string, Set<number>>();
  const last = new Map<string, number>();
  for (const event of history) {
    if (event.kind !== "swept") continue;
    const seen = everSeen.get(event.partition) ?? new Set();
    everSeen.set(event.partition, seen);
    for (const { offset } of event.records) seen.add(offset);
    last.set(event.partition, event.records.length);
  }
  return [...everSeen].reduce((sum, [partition, seen]) => sum + seen.size - last.get(partition)!, 0);
}
