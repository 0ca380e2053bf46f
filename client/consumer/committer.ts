/**
 * Commits a consumer's offsets, one request after the other, so that an older offset never comes behind a newer one; and by itself, now
 * and then, what the caller is done with.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { unlessAborted } from "../clock.ts";
import { KafkaError } from "../errors.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import type { TopicPartitionOffset } from "../records/record.ts";
import type { Cluster, RetryOptions } from "../wire/cluster.ts";
import type { Assignment } from "./assignment.ts";
import { commitOffsets } from "./offsets.ts";
import type { PartitionState } from "./partition-state.ts";

export interface CommitterOptions {
  readonly cluster: Cluster;
  readonly assignment: Assignment;
  /** Who commits, at the moment of the request: a member's generation changes. */
  readonly group: () => GroupMetadata;
  /** Undefined: never by itself. */
  readonly intervalMs: number | undefined;
}

/** Others wait for partitions meanwhile. */
const lastCommitTimeoutMs = 5000;
const stale: ReadonlySet<number> = new Set([errorCodes.STALE_MEMBER_EPOCH]);
const noop = (): void => {};

export class Committer {
  readonly #options: CommitterOptions;
  #last: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  async commit(offsets: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<void> {
    const held = this.#options.assignment.find(offsets);
    const committing = this.#last.then(async () => {
      if (offsets.length === 0) return;
      await this.#commit(offsets, held, options);
      for (const state of held) {
        const committed = offsets.findLast(({ topic, partition }) => topic === state.topic && partition === state.partition);
        state.committedOffset = committed?.offset;
      }
    });
    this.#last = committing.catch(noop);
    // Also while it waits for the one before.
    await unlessAborted(committing, options.signal);
  }

  /** What is done with, if this is done at all; what fails is the next owner's to read again. */
  async commitLast(states: Iterable<PartitionState>): Promise<void> {
    if (this.#options.intervalMs === undefined) return;
    await this.commit(
      progressOf(states, ({ doneOffset }) => doneOffset),
      { timeoutMs: lastCommitTimeoutMs },
    ).catch(noop);
  }

  start(): void {
    const { cluster, assignment, intervalMs } = this.#options;
    if (intervalMs === undefined) return;
    this.#cancel?.();
    this.#cancel = cluster.clock.after(intervalMs, () => {
      this.#cancel = undefined;
      const offsets = progressOf(assignment.states, ({ doneOffset }) => doneOffset);
      // What fails is tried again with the next.
      void this.commit(offsets, { timeoutMs: Math.max(intervalMs, lastCommitTimeoutMs) })
        .catch(noop)
        .finally(() => {
          if (!this.#isStopped) this.start();
        });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #commit(offsets: readonly TopicPartitionOffset[], held: readonly PartitionState[], options: RetryOptions): Promise<void> {
    const { cluster, assignment, group } = this.#options;
    const as = (): GroupMetadata => {
      // With its next epoch a member that was expelled meanwhile would put back what the partitions' new owners have committed.
      if (held.every((state) => assignment.has(state))) return group();
      throw new KafkaError(errorCodes.UNKNOWN_MEMBER_ID, "the partitions were lost before their offsets were committed");
    };
    // At the coordinator the member's epoch has moved on: the answer to a heartbeat brings the new one.
    await commitOffsets(cluster, as, offsets, { ...options, passingCodes: stale });
  }
}

/** Of those that have moved since their last commit. */
export function progressOf(
  states: Iterable<PartitionState>,
  offsetOf: (state: PartitionState) => number | undefined,
): TopicPartitionOffset[] {
  return [...states].flatMap((state) => {
    const { topic, partition, committedOffset } = state;
    const offset = offsetOf(state);
    return offset === undefined || offset === committedOffset ? [] : [{ topic, partition, offset }];
  });
}
