/**
 * A controller on a table of rows, with leaders that remember what they were told. `crash` forgets everything but the rows.
 */
import type { ConfigAlteration, NewPartitions, NewTopic } from "../../../core/cluster/controller-client.ts";
import { ControllerMachine, firstRows } from "../../../core/cluster/controller.ts";
import type { Decision } from "../../../core/cluster/controller.ts";
import type { RowChange } from "../../../core/cluster/controller-rows.ts";
import type { PartitionSettings } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import type { Settings } from "../../../core/settings.ts";

type Taken = ReturnType<ControllerMachine["takeCalls"]>[number];

export class Cluster {
  readonly rows = new Map<string, string>();
  /** What each cell's leader knows: topic id, partition → settings. */
  readonly leaders = new Map<number, Map<string, Map<number, PartitionSettings>>>();
  readonly settings: Settings;
  machine: ControllerMachine;
  #ids = 0;

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...settingDefaults, ...settings };
    this.write(firstRows("AAAAAAAAAAAAAAAAAAAAAA"));
    this.machine = new ControllerMachine(this.rows, this.settings);
  }

  crash(): void {
    this.machine = new ControllerMachine(this.rows, this.settings);
  }

  write(changes: readonly RowChange[]): void {
    for (const { key, value } of changes) {
      if (value === null) this.rows.delete(key);
      else this.rows.set(key, value);
    }
  }

  persist<T>({ result, rows }: Decision<T>): T {
    this.write(rows);
    return result;
  }

  newId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${String(this.#ids).padStart(12, "0")}`;
  }

  createTopics(topics: readonly NewTopic[]) {
    return this.persist(
      this.machine.createTopics(
        topics,
        topics.map(() => this.newId()),
      ),
    );
  }

  deleteTopics(ids: readonly string[]) {
    return this.persist(this.machine.deleteTopics(ids));
  }

  createPartitions(requests: readonly NewPartitions[]) {
    return this.persist(this.machine.createPartitions(requests, false));
  }

  alterConfigs(alterations: readonly ConfigAlteration[]) {
    return this.persist(this.machine.alterConfigs(alterations, false));
  }

  registerBroker(nodeId: number): number {
    return this.persist(this.machine.registerBroker(nodeId)).brokerEpoch;
  }

  allocateProducerIds() {
    return this.persist(this.machine.allocateProducerIds());
  }

  /** The leader does what it is told, or refuses what it must. Answers whether it has ever led anything; undefined: it refused. */
  perform({ cell, call }: Taken): boolean | undefined {
    let leader = this.leaders.get(cell);
    const hasLed = leader !== undefined;
    if (call.kind === "delete") {
      leader?.delete(call.topicId);
      return hasLed;
    }
    if (call.hasLed && !hasLed) return undefined;
    if (leader === undefined) this.leaders.set(cell, (leader = new Map()));
    for (const { topicId, partition } of call.partitions) {
      let topic = leader.get(topicId);
      if (topic === undefined) leader.set(topicId, (topic = new Map()));
      topic.set(partition, call.settings);
    }
    return true;
  }

  answer(taken: Taken): void {
    const hasLed = this.perform(taken);
    if (hasLed === undefined) this.machine.callFailed(taken, 0);
    else this.write(this.machine.callAnswered(taken, hasLed));
  }

  drain(now = 0): void {
    for (let calls = this.machine.takeCalls(now); calls.length > 0; calls = this.machine.takeCalls(now)) {
      for (const call of calls) this.answer(call);
    }
  }

  names(): string[] {
    return this.machine.snapshot(0)!.topics.map(({ name }) => name);
  }

  entry(name: string) {
    const topic = this.machine.snapshot(0)!.topics.find((entry) => entry.name === name);
    if (topic === undefined) throw new Error(`no topic ${name}`);
    return topic;
  }

  leaderPartitions(): number {
    let count = 0;
    for (const leader of this.leaders.values()) for (const partitions of leader.values()) count += partitions.size;
    return count;
  }

  leaderSettings(topicId: string): PartitionSettings | undefined {
    for (const leader of this.leaders.values()) {
      const settings = leader.get(topicId)?.get(0);
      if (settings !== undefined) return settings;
    }
    return undefined;
  }
}
