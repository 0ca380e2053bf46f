/**
 * One run of a consumer group from one seed: members of one protocol or of two that they change between, brokers that hand their requests on, faults drawn from the
 * seed, then an end to the faults and a while in which every rebalance must end, then everybody leaves and nothing may be left to do.
 */
import { groupOptions } from "../../../core/group/options.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { topicA } from "../../core/group/harness.ts";
import type { Happening } from "../history.ts";
import { judge } from "../judge.ts";
import { Network } from "../network.ts";
import { planted, type Plant } from "../plants.ts";
import { World } from "../world.ts";
import { ClassicMember } from "./classic-member.ts";
import type { GroupCluster, SimulatedTopic } from "./cluster.ts";
import { Committer } from "./committer.ts";
import { ConsumerMember } from "./consumer-member.ts";
import { Gateway } from "./gateway.ts";
import { SimulatedGroup } from "./group.ts";
import { RollingMember } from "./rolling-member.ts";

export const protocols = [
  "range",
  "cooperative-sticky",
  "consumer",
  "range to consumer",
  "cooperative-sticky to consumer",
] as const;

export interface GroupRunOptions {
  readonly seed: number;
  readonly print?: ((line: string) => void) | undefined;
  /** A bug to plant: the proof that a checker can fire. */
  readonly plant?: Plant;
  /** Instead of what the seed draws. */
  readonly protocol?: (typeof protocols)[number];
  readonly members?: number;
  readonly stormMs?: number;
}

export interface GroupVerdict {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly logHash: number;
  readonly events: number;
  readonly kills: number;
  readonly commits: number;
  /** Times that a member was told what it is assigned. */
  readonly assignments: number;
}

/** A session, a rebalance and the sync after it, each with somebody who does not come, and then some. */
const calmMs = 240_000;
const emptyMs = 1_200_000;

export function runGroupScenario(options: GroupRunOptions): GroupVerdict {
  const world = new World(options.seed, options.print);
  const { random } = world;
  const history: Happening[] = [];
  const record = (event: Happening): void => void history.push(event);
  const faulty = random.chance(0.9);
  const network = new Network(world, {
    delayMsMax: random.pick([5, 400, 8000]),
    lost: faulty ? random.pick([0, 0.01, 0.05]) : 0,
    repeated: faulty ? random.pick([0, 0.02, 0.1]) : 0,
  });
  const topic: SimulatedTopic = { ...topicA, partitions: random.between(1, 12) };
  const settings = { ...settingDefaults, "group.initial.rebalance.delay.ms": random.pick([0, 1000, 3000]) };
  const group = new SimulatedGroup(
    world,
    { options: groupOptions(settings), topic, record, plant: planted(options.plant) },
    { killed: faulty ? random.pick([0, 0.002, 0.01]) : 0, restMsMax: random.pick([1, 20, 200]) },
  );
  const gateway = new Gateway(world, network, group, random.between(1, 3));
  const storm = { over: false };
  const cluster: GroupCluster = { world, gateway, topic, storm, record };
  const protocol = options.protocol ?? random.pick(protocols);
  const members = Array.from({ length: options.members ?? random.between(1, 12) }, (_, index) =>
    newMember(cluster, index, protocol),
  );
  const auditor = new Committer(cluster, "auditor");
  const audit = (): void => {
    auditor.fetch(
      Array.from({ length: topic.partitions }, (_, partition) => partition),
      null,
      -1,
    );
    world.after(3000, "the auditor asks", audit);
  };
  audit();
  const stormMs = options.stormMs ?? random.pick([60_000, 200_000]);
  if (faulty) planFaults(world, group, gateway, stormMs);
  world.after(random.between(0, stormMs), "the topic grows", () => (topic.partitions += random.between(0, 4)));

  world.run(stormMs);
  storm.over = true;
  network.faults = { delayMsMax: 5, lost: 0, repeated: 0 };
  group.faults = { killed: 0, restMsMax: 5 };
  group.address.start();
  world.run(world.now + calmMs);
  const told = members.map(({ process, epoch, owned }) => ({ name: process.name, epoch, owned }));
  record({ kind: "calmed", at: world.now, state: group.state, partitions: topic.partitions, members: told });

  for (const { process } of members) process.retire();
  world.run(world.now + emptyMs / 2);
  const { alarms } = group;
  world.run(world.now + emptyMs / 2);
  if (!group.idle) record({ kind: "stuck", at: world.now, what: "the group has no members and still waits for something" });
  if (group.alarms > alarms) record({ kind: "stuck", at: world.now, what: "alarms fire on an empty group" });
  if (gateway.open > 1) record({ kind: "stuck", at: world.now, what: `${gateway.open} requests were never answered` });

  const count = (kind: Happening["kind"]): number => history.filter((event) => event.kind === kind).length;
  return {
    seed: options.seed,
    violations: judge(history),
    logHash: world.logHash,
    events: world.eventCount,
    kills: group.kills,
    commits: count("commit-acknowledged"),
    assignments: count("assigned") + count("owns"),
  };
}

function newMember(cluster: GroupCluster, index: number, protocol: (typeof protocols)[number]) {
  switch (protocol) {
    case "consumer":
      return new ConsumerMember(cluster, index);
    case "range to consumer":
      return new RollingMember(cluster, index, "range");
    case "cooperative-sticky to consumer":
      return new RollingMember(cluster, index, "cooperative-sticky");
    default:
      return new ClassicMember(cluster, index, protocol);
  }
}

/** Within the storm the group's object is killed or cannot be reached, and brokers die. */
function planFaults(world: World, group: SimulatedGroup, gateway: Gateway, stormMs: number): void {
  const { random } = world;
  const plan = (most: number, label: string, work: () => void): void => {
    for (let left = random.between(0, most); left > 0; left--) world.after(random.between(0, stormMs), label, work);
  };
  plan(10, "a kill", () => group.kill("while something waits"));
  plan(4, "a broker's end", () => gateway.killBroker());
  plan(2, "the group is cut off", () => {
    group.address.die();
    world.after(random.between(1000, 30_000), "the group can be reached", () => group.address.start());
  });
}
