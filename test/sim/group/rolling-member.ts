/**
 * A consumer that comes back under the other protocol now and then, under the same instance id if it has one: a rolling upgrade, a
 * downgrade, and changes of mind in between, while the other members go on.
 */
import { ClassicMember, type ClassicProtocol } from "./classic-member.ts";
import type { GroupCluster } from "./cluster.ts";
import { ConsumerMember } from "./consumer-member.ts";
import { instanceOf, Process, type Behaviour } from "./process.ts";

export class RollingMember implements Behaviour {
  readonly process: Process;
  readonly #cluster: GroupCluster;
  readonly #classic: ClassicMember;
  readonly #consumer: ConsumerMember;
  #current: ClassicMember | ConsumerMember;

  constructor(cluster: GroupCluster, index: number, protocol: ClassicProtocol) {
    this.#cluster = cluster;
    this.process = new Process(cluster.world, `rolling${index}`, cluster.storm, this);
    const shared = { process: this.process, instance: instanceOf(cluster, index) };
    this.#classic = new ClassicMember(cluster, index, protocol, shared);
    this.#consumer = new ConsumerMember(cluster, index, shared);
    this.#current = this.#classic;
  }

  get epoch(): number {
    return this.#current.epoch;
  }

  get owned(): readonly number[] {
    return this.#current.owned;
  }

  begin(): void {
    this.#current = this.#cluster.world.random.chance(0.6) ? this.#classic : this.#consumer;
    this.#current.begin();
  }

  leave(): void {
    this.#current.leave();
  }

  lose(): void {
    this.#current.lose();
  }
}
