/**
 * One run from one seed: a small cluster, producers, readers, faults drawn from the seed, then an end to the faults, a wait until
 * all has come to rest, a last reader from the beginning, and the verdict of every checker.
 */
import { settingDefaults, type Settings } from "../../core/settings.ts";
import { indexKeys } from "../../core/wal/key.ts";
import type { PartitionRef } from "../../core/coordinator.ts";
import { beginBrokers } from "./broker.ts";
import { SimulatedCollector } from "./collector.ts";
import { SimulatedConsumer } from "./consumer.ts";
import { awaitDeletions, drawDeletions, leftBehind, planDeletions } from "./deletions.ts";
import type { FinalLogs, Happening } from "./history.ts";
import { hollowBytes } from "./hollow.ts";
import { judge } from "./judge.ts";
import { SimulatedLeader } from "./leader.ts";
import { SimulatedMerger, type MergerOptions } from "./merger.ts";
import { type Life, Network } from "./network.ts";
import { planted, type Plant } from "./plants.ts";
import { Random } from "./random.ts";
import { SimulatedProducer } from "./producer.ts";
import { SimulatedStore } from "./store.ts";
import { World } from "./world.ts";

export interface PartitionPlace {
  readonly name: string;
  readonly ref: PartitionRef;
  readonly cell: number;
}

export interface Verdict {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly logHash: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly read: number;
  readonly crashes: number;
  readonly drains: number;
  readonly merges: number;
  readonly segments: number;
  readonly deletions: number;
  readonly starts: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly print?: (line: string) => void;
  /** A bug to plant: the proof that a checker can fire. */
  readonly plant?: Plant;
  /** Instead of what the seed draws. */
  readonly settings?: Partial<Settings>;
  /** False: nothing is deleted, as before there were deletions. */
  readonly deletes?: boolean;
}

const faultsMs = 6000;
const restMs = 600_000;

export function runScenario(options: RunOptions): Verdict {
  const world = new World(options.seed, options.print);
  const { random } = world;
  const history: Happening[] = [];
  const record = (event: Happening): void => void history.push(event);
  const settings = { ...drawSettings(world, options.seed), ...options.settings };
  const faulty = random.chance(0.85);
  const network = new Network(world, {
    delayMsMax: random.pick([5, 50, 400]),
    lost: faulty ? random.pick([0, 0.01, 0.05]) : 0,
    repeated: faulty ? random.pick([0, 0.02, 0.1]) : 0,
  });
  const store = new SimulatedStore(
    world,
    {
      putMsMin: random.pick([0, 5, 100]),
      putMsMax: random.pick([100, 300, 1500]),
      failed: faulty ? random.pick([0, 0.05, 0.2]) : 0,
      failedAfterWorking: faulty ? random.pick([0, 0.05]) : 0,
    },
    record,
  );
  const places = drawPlaces(world);
  const plant = planted(options.plant);
  const deletes = options.deletes ?? true;
  const deletions = drawDeletions(options.seed);
  const leaders = [0, 1].map(
    (cell) =>
      new SimulatedLeader(
        world,
        cell,
        places.filter((place) => place.cell === cell),
        {
          settings,
          store,
          record,
          plant,
          ...(settings["merge.enabled"] && { segmentBytes: new Random(options.seed + 0x736567).pick([2 ** 30, 5000, 100_000]) }),
          ...(deletes && {
            retentionBytes: deletions.retentionBytes,
            tellReleases: (caller, told, failed) =>
              deletions
                .network(world, network)
                .call<void>(
                  `cell ${cell} tells of releases`,
                  caller,
                  collector.life,
                  (answer) => collector.ask(answer),
                  told,
                  failed,
                ),
          }),
        },
      ),
  );
  const { cluster, brokers } = beginBrokers({ world, network, store, leaders, settings, record, plant });
  store.isReferenced = (key) => leaders.some((leader) => leader.refersTo(key));
  const { brokerEpochs } = cluster;
  const collector: SimulatedCollector = new SimulatedCollector(world, {
    network: deletions.network(world, network),
    store,
    leaders,
    brokers,
    brokerEpochs,
    graceMs: settings["storage.delete.grace.ms"],
    plant,
  });
  if (deletes) {
    cluster.superseded = () => collector.life.alive && collector.ask(() => {});
    planDeletions(world, deletions, { collector, leaders, places });
  }
  const producers = Array.from(
    { length: random.between(2, 5) },
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
          pauseMsMax: random.pick([1, 20, 300]),
          paddingMax: random.pick([100, 5000, 60_000]),
        },
        record,
      ),
  );
  const consumers = Array.from(
    { length: random.between(1, 3) },
    (_, index) => new SimulatedConsumer(world, brokers, { name: `c${index}`, places, maxWaitMs: random.pick([10, 500]) }, record),
  );

  const mergers = beginMergers(world, options.seed, { settings, network, store, leaders, record, plant });

  let crashes = 0;
  if (faulty) crashes = planCrashes(world, [...brokers, ...leaders], faultsMs);
  world.run(faultsMs);
  network.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
  store.faults = { putMsMin: 1, putMsMax: 20, failed: 0, failedAfterWorking: 0 };
  deletions.heal();
  for (const node of [...brokers, ...leaders, ...mergers, collector]) if (!node.life.alive) node.start();

  const settled = (): boolean =>
    producers.every((producer) => producer.finished) && consumers.every((consumer) => consumer.caughtUp);
  world.run(world.now + restMs, settled);
  if (!settled()) record({ kind: "stuck", at: world.now, what: "producers or readers have not come to their end" });
  for (const consumer of consumers) consumer.stopped = true;
  const last = new SimulatedConsumer(world, brokers, { name: "last", places, maxWaitMs: 100 }, record);
  const wholeRead = (): boolean =>
    places.every((place) => last.positions.get(place.name) === leaders[place.cell]!.nextOffset(place));
  world.run(world.now + restMs, wholeRead);
  if (!wholeRead()) record({ kind: "stuck", at: world.now, what: "the last reader has not reached the end" });
  last.stopped = true;
  world.run(world.now + 120_000);
  // Claims of mergers that died have run out by now; what a last reader sees has been merged.
  if (mergers.length > 0) {
    const unmerged = () =>
      leaders.flatMap((leader, cell) => {
        const inCell = places.filter((place) => place.cell === cell);
        const left = { bytes: leader.unmergedBytes(), hollowBytes: hollowBytes(leader, inCell, store) };
        return left.bytes + left.hollowBytes > 0 ? [{ cell, ...left }] : [];
      });
    for (let step = 0; step < 40 && unmerged().length > 0; step++) world.run(world.now + 10_000);
    for (const left of unmerged()) record({ kind: "unmerged", at: world.now, ...left });
    for (const merger of mergers) merger.stopped = true;
    const after = new SimulatedConsumer(world, brokers, { name: "after merging", places, maxWaitMs: 100 }, record);
    world.run(world.now + restMs, () =>
      places.every((place) => after.positions.get(place.name) === last.positions.get(place.name)),
    );
    after.stopped = true;
    world.run(world.now + 120_000);
  }
  if (deletes) {
    awaitDeletions(world, collector, leaders);
    for (const key of leftBehind(store, leaders)) record({ kind: "left-behind", at: world.now, key });
  }
  for (const broker of brokers) {
    if (!broker.idle) record({ kind: "stuck", at: world.now, what: `broker ${broker.brokerId} still waits for something` });
  }

  for (const place of places) {
    for (const { key, end } of leaders[place.cell]!.objectRanges(place)) {
      record({ kind: "referenced", at: world.now, key, end, stored: store.objects.get(key)?.length });
      for (const beside of key.endsWith(".log") ? Object.values(indexKeys(key)) : []) {
        record({ kind: "referenced", at: world.now, key: beside, end: 0, stored: store.objects.get(beside)?.length });
      }
    }
  }
  const finalLogs: FinalLogs = last.log;
  const violations = judge(history, finalLogs);
  const count = (kind: Happening["kind"]): number => history.filter((event) => event.kind === kind).length;
  return {
    seed: options.seed,
    violations,
    logHash: world.logHash,
    events: world.eventCount,
    acknowledged: count("acknowledged"),
    read: count("read"),
    crashes,
    drains: count("drained"),
    merges: count("merged"),
    segments: history.filter((event) => event.kind === "merged" && event.extents > 0 && event.key.startsWith("segment/")).length,
    deletions: count("deleted"),
    starts: count("start-moved"),
  };
}

/** What they draw is their own: without them a run is what its seed made of it before there were any. */
export function beginMergers(
  world: World,
  seed: number,
  { settings, network, ...options }: Omit<MergerOptions, "name" | "random"> & { readonly settings: Settings },
): SimulatedMerger[] {
  if (!settings["merge.enabled"]) return [];
  const random = new Random(seed + 0x6d6572);
  const own = new Network({ random, after: world.after.bind(world), log: world.log.bind(world) }, network.faults);
  const mergers = [1, 2].map(
    (number) => new SimulatedMerger(world, { name: `merger ${number}`, random, network: own, ...options }),
  );
  for (let crashes = random.between(0, 6); crashes > 0; crashes--) {
    const merger = random.pick(mergers);
    world.after(random.between(0, faultsMs - 1000), "a merger's crash", () => {
      if (!merger.life.alive) return;
      merger.kill();
      world.after(random.between(0, 900), "a merger's restart", () => {
        if (!merger.life.alive) merger.start();
      });
    });
  }
  world.after(faultsMs, "the mergers' network heals", () => {
    own.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
  });
  return mergers;
}

export function drawPlaces(world: World): PartitionPlace[] {
  const count = world.random.between(1, 4);
  return Array.from({ length: count }, (_, partition) => {
    const ref = { topicId: "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f", partition };
    return { name: `t-${partition}`, ref, cell: world.random.between(0, 1) };
  });
}

export function drawSettings(world: World, seed: number): Settings {
  const { random } = world;
  return {
    ...settingDefaults,
    "wal.inline.bytes": random.pick([0, 500, 64 * 1024]),
    "wal.inline.bytes.per.second": random.pick([2000, 1024 * 1024]),
    "wal.buffer.bytes": random.pick([4000, 8 * 1024 * 1024]),
    "wal.puts.per.second": random.pick([2, 4, 1000]),
    "wal.puts.burst": random.pick([1, 8]),
    "wal.uploads.max": random.pick([1, 3]),
    "inline.bytes.max": random.pick([3000, 64 * 1024 * 1024]),
    "broker.memory.bytes": random.pick([300_000, 64 * 1024 * 1024]),
    // Drawn apart: the rest of a run is what its seed made of it before there were drains.
    "storage.delete.grace.ms": new Random(seed + 0x677261).pick([3000, 6000]),
    "log.retention.check.interval.ms": 200,
    "merge.bytes": new Random(seed + 0x6d7267).pick([1, 5000, 100_000]),
    "merge.interval.ms": new Random(seed + 0x6d7268).pick([20, 300, 3000]),
    "merge.hollow.bytes": 1,
    "inline.drain.bytes": new Random(seed + 0x64726e).pick([0, 2000, 20_000, settingDefaults["inline.drain.bytes"]]),
  };
}

interface Node {
  readonly life: Life;
  kill(): void;
  start(): void;
}

/** Nodes die at any time and come back a little later. */
export function planCrashes(world: World, nodes: readonly Node[], withinMs: number): number {
  const { random } = world;
  const count = random.between(0, 8);
  for (let i = 0; i < count; i++) {
    const node = random.pick(nodes);
    world.after(random.between(0, withinMs - 1000), "a crash", () => {
      if (!node.life.alive) return;
      node.kill();
      world.after(random.between(0, 900), "a restart", () => {
        if (!node.life.alive) node.start();
      });
    });
  }
  return count;
}
