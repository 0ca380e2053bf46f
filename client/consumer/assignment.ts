/**
 * The partitions a consumer reads at the moment, and where reading them begins: at the group's committed offset, or else where the
 * caller wants to begin without one. Whoever comes and goes is decided elsewhere.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { BrokerError, StateError, asError } from "../errors.ts";
import { type TopicPartition, partitionKey } from "../records/record.ts";
import { backoffMs } from "../wire/backoff.ts";
import type { Cluster, RetryOptions } from "../wire/cluster.ts";
import { type Isolation, type OffsetAtTime, committedOffsets, offsetsAt, place, timestampOf } from "./offsets.ts";
import type { OffsetReset, PartitionStart } from "./options.ts";
import { PartitionState } from "./partition-state.ts";

export interface AssignmentOptions {
  readonly cluster: Cluster;
  readonly group: string | undefined;
  readonly offsetReset: OffsetReset;
  readonly isolation: Isolation;
  /** Positions are known, or partitions are gone. */
  readonly onChange: () => void;
  readonly onError: (error: Error) => void;
}

export class Assignment {
  readonly #options: AssignmentOptions;
  readonly #states = new Map<string, PartitionState>();

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  /** Those that are being let go included. */
  get states(): IterableIterator<PartitionState> {
    return this.#states.values();
  }

  has(state: PartitionState): boolean {
    return this.#states.get(state.key) === state;
  }

  find(partitions: readonly TopicPartition[]): PartitionState[] {
    return partitions.flatMap(({ topic, partition }) => this.#states.get(partitionKey(topic, partition)) ?? []);
  }

  stateOf({ topic, partition }: TopicPartition): PartitionState {
    const state = this.#states.get(partitionKey(topic, partition));
    if (state === undefined) throw new StateError(`${topic}-${partition} is not assigned to this consumer`);
    return state;
  }

  add(partitions: readonly PartitionStart[]): PartitionState[] {
    return partitions.map(({ topic, partition, offset }) => {
      const state = new PartitionState(topic, partition);
      if (offset !== undefined) state.moveTo(offset);
      this.#states.set(state.key, state);
      return state;
    });
  }

  forget(states: readonly PartitionState[]): void {
    for (const state of states) {
      state.moveTo(undefined);
      if (this.has(state)) this.#states.delete(state.key);
    }
    this.#options.onChange();
  }

  /** Finds out where reading begins, for those that have no position. What fails is told, and tried again while they are here. */
  async locate(states: readonly PartitionState[], attempt = 1): Promise<void> {
    const missing = states.filter((state) => state.fetchOffset === undefined && this.has(state));
    if (missing.length === 0) return;
    try {
      await this.#locateOnce(missing);
    } catch (error) {
      const { cluster, onError } = this.#options;
      if (cluster.isClosed || !missing.some((state) => this.has(state))) return;
      onError(asError(error));
      const waitMs = backoffMs(attempt, cluster.options.retryBackoff, cluster.clock.random());
      cluster.clock.after(waitMs, () => void this.locate(missing, attempt + 1));
    }
  }

  /** The log does not have the offset any more, or not yet. */
  outOfRange(state: PartitionState): void {
    state.moveTo(undefined);
    void this.#resetAgain(state, 1);
  }

  /** Where each would be at a time or an end of the log; at the end where nothing is so young. */
  async offsetsAt(
    partitions: readonly TopicPartition[],
    when: "earliest" | "latest" | Date | number,
    options: RetryOptions = {},
  ): Promise<OffsetAtTime[]> {
    const { cluster, isolation } = this.#options;
    const timestamp = timestampOf(when);
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    const found = await offsetsAt(cluster, queries, isolation, options);
    if (found.every(({ offset }) => offset >= 0)) return found;
    const atEnd = queries.map((query) => ({ ...query, timestamp: place.latest }));
    const ends = await offsetsAt(cluster, atEnd, isolation, options);
    return found.map((each, index) => (each.offset >= 0 ? each : ends[index]!));
  }

  async #locateOnce(states: readonly PartitionState[]): Promise<void> {
    const { cluster, group } = this.#options;
    const tokens = new Map(states.map((state) => [state, state.token]));
    if (group !== undefined) {
      for (const { topic, partition, offset } of await committedOffsets(cluster, group, states)) {
        const state = this.#states.get(partitionKey(topic, partition));
        if (state === undefined || tokens.get(state) !== state.token) continue;
        state.moveTo(offset);
        state.committedOffset = offset;
      }
    }
    await this.#reset(states.filter((state) => tokens.get(state) === state.token));
    this.#options.onChange();
  }

  async #resetAgain(state: PartitionState, attempt: number): Promise<void> {
    const { token } = state;
    try {
      await this.#reset([state]);
    } catch (error) {
      const { cluster, onError } = this.#options;
      if (cluster.isClosed || state.token !== token || !this.has(state)) return;
      onError(asError(error));
      const waitMs = backoffMs(attempt, cluster.options.retryBackoff, cluster.clock.random());
      cluster.clock.after(waitMs, () => {
        if (state.token === token && this.has(state)) void this.#resetAgain(state, attempt + 1);
      });
    }
  }

  async #reset(states: readonly PartitionState[]): Promise<void> {
    const { offsetReset, onChange, onError } = this.#options;
    if (states.length === 0) return;
    if (offsetReset === "error") {
      const names = states.map(({ topic, partition }) => `${topic}-${partition}`).join(", ");
      onError(new BrokerError(errorCodes.OFFSET_OUT_OF_RANGE, `no offset to begin at: ${names}`));
      return;
    }
    const tokens = states.map(({ token }) => token);
    const found = await this.offsetsAt(states, offsetReset);
    for (const [index, state] of states.entries()) if (state.token === tokens[index]) state.moveTo(found[index]!.offset);
    onChange();
  }
}
