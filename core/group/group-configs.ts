/**
 * What an administrator set on this group alone, over the deployment's settings: how long a member of the consumer protocol may be
 * silent and how often it is to be heard. Known again with every question about topics, and applied with the next heartbeat.
 */
import type { GroupOptions } from "./options.ts";

/** By Kafka's names; what was never set is not there. */
export type SetConfigs = Readonly<Record<string, string>>;

export class GroupConfigs {
  readonly #options: GroupOptions;
  #set: SetConfigs = {};

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  adopt(set: SetConfigs): void {
    this.#set = set;
  }

  /** A value that the deployment allows no longer counts as the nearest that it does. */
  get consumerSessionTimeoutMs(): number {
    const { consumerSessionTimeoutMs, consumerSessionTimeoutRangeMs } = this.#options;
    return this.#within("consumer.session.timeout.ms", consumerSessionTimeoutMs, consumerSessionTimeoutRangeMs);
  }

  get consumerHeartbeatIntervalMs(): number {
    const { consumerHeartbeatIntervalMs, consumerHeartbeatIntervalRangeMs } = this.#options;
    return this.#within("consumer.heartbeat.interval.ms", consumerHeartbeatIntervalMs, consumerHeartbeatIntervalRangeMs);
  }

  #within(name: string, standard: number, [least, most]: readonly [number, number]): number {
    const set = this.#set[name];
    return set === undefined ? standard : Math.min(Math.max(Number(set), least), most);
  }
}
