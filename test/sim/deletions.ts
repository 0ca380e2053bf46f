/**
 * What a run does about data that goes: limits of size, an administrator who deletes records, deaths of the collector, and the wait until
 * all that nobody refers to has been deleted. It draws from a randomness of its own: the rest of a run stays what its seed made of it.
 */
import type { SimulatedCollector } from "./collector.ts";
import type { SimulatedLeader } from "./leader.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import type { PartitionPlace } from "./scenario.ts";
import type { SimulatedStore } from "./store.ts";
import type { World } from "./world.ts";

const withinMs = 6000;
const restMs = 600_000;

export interface Deletions {
  readonly random: Random;
  /** Of what is deleted when all has been written. */
  readonly lateRandom: Random;
  readonly retentionBytes: number;
  /** As faulty as the others' until it heals. */
  network(world: World, others: Network): Network;
  heal(): void;
}

export function drawDeletions(seed: number): Deletions {
  const random = new Random(seed + 0x676172);
  let own: Network | undefined;
  return {
    random,
    lateRandom: new Random(seed + 0x6c617465),
    retentionBytes: random.pick([-1, -1, 2000, 50_000]),
    network: (world, { faults }) =>
      (own ??= new Network({ random, after: world.after.bind(world), log: world.log.bind(world) }, faults)),
    heal: () => {
      if (own !== undefined) own.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
    },
  };
}

export function planDeletions(
  world: World,
  { random, lateRandom }: Deletions,
  targets: {
    readonly collector: SimulatedCollector;
    readonly leaders: readonly SimulatedLeader[];
    readonly places: readonly PartitionPlace[];
  },
): void {
  const { collector, leaders, places } = targets;
  const deleteSome = (place: PartitionPlace, share: number, afterMs: number): void =>
    world.after(afterMs, `records of ${place.name} are deleted`, () => {
      const leader = leaders[place.cell]!;
      if (leader.life.alive) leader.deleteRecords(place, share);
    });
  for (let times = random.between(0, 6); times > 0; times--) {
    const place = random.pick(places);
    const share = random.pick([0.2, 0.7, 1]);
    deleteSome(place, share, random.between(0, withinMs));
  }
  // When all has been written and merged: objects that other partitions lie in too become hollow.
  for (let times = lateRandom.between(1, 6); times > 0; times--) {
    deleteSome(lateRandom.pick(places), lateRandom.pick([0.6, 0.9, 1]), lateRandom.between(30_000, 60_000));
  }
  for (let crashes = random.between(0, 4); crashes > 0; crashes--) {
    world.after(random.between(0, withinMs - 1000), "the collector's crash", () => {
      if (!collector.life.alive) return;
      collector.kill();
      world.after(random.between(0, 900), "the collector's restart", () => {
        if (!collector.life.alive) collector.start();
      });
    });
  }
}

/** A last broker that died may have left something behind without anybody's letting go of anything after it. */
export function awaitDeletions(world: World, collector: SimulatedCollector, leaders: readonly SimulatedLeader[]): void {
  for (let rounds = 0; rounds < 2; rounds++) {
    collector.ask(() => {});
    world.run(world.now + restMs, () => collector.idle && leaders.every((leader) => leader.tidy));
  }
}

/** Of the same broker epoch. */
function isBefore(left: string, right: string): boolean {
  const [leftFolder, rightFolder] = [left, right].map((key) => key.slice(0, key.lastIndexOf("/")));
  const [leftEnd, rightEnd] = [left, right].map((key) => Number(key.slice(key.lastIndexOf("/") + 1)));
  return left.startsWith("wal/") && leftFolder === rightFolder && leftEnd! < rightEnd!;
}

/**
 * Objects that nothing refers to. One that a leader drained to when it died, or that became empty meanwhile, is the reconciler's.
 */
export function leftBehind(store: SimulatedStore, leaders: readonly SimulatedLeader[]): string[] {
  const needed = [...store.objects.keys()].filter((key) => leaders.some((leader) => leader.refersTo(key)));
  return [...store.objects.keys()].filter((stored) => {
    // What lies beside a segment goes with it.
    const key = stored.replace(/\.(time)?index$/, ".log");
    // Objects go in order: one waits for those before it.
    if (needed.some((other) => isBefore(other, key))) return false;
    const isDrained = /^merged\/\d+\/\d+$/.test(key);
    return !isDrained && !leaders.some((leader) => leader.refersTo(key));
  });
}
