/**
 * What a member of a group and its consumer say to each other. The member talks to the coordinator and decides when partitions come
 * and go; the consumer lets go of them in good order (the caller's last record, a commit, the callbacks) before the member goes on.
 */
import type { Clock } from "../clock.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import type { TopicPartition } from "../records/record.ts";
import type { Cluster } from "../wire/cluster.ts";

/** A callback of the caller's has failed. Whatever it threw says nothing about the group: it is told, and nothing is tried again. */
export class CallbackFailure extends Error {}

export interface MemberHost {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  /** A connection of its own: joins wait long, and answers keep the order of requests. */
  readonly lane: string;
  owned(): readonly TopicPartition[];
  /** Unless they are not the member's any more when there is all that it takes. */
  assigned(partitions: readonly TopicPartition[], areStill: () => boolean): Promise<void>;
  /** Resolves when the caller is done with them and their offsets are committed. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
  /** They may belong to somebody else already. */
  lost(partitions: readonly TopicPartition[]): Promise<void>;
  /** Nothing more can be done: the caller is told. */
  failed(error: Error): void;
}

export interface Member {
  readonly metadata: GroupMetadata;
  /**
   * After the runtime was frozen the session may be over and the partitions another's: until the coordinator has been heard, nothing of
   * them is handed out. Undefined: there is no doubt. Else resolves when there is none, or nothing is assigned any more.
   */
  whenSure(): Promise<void> | undefined;
  readonly isSure: boolean;
  start(): void;
  /** Leaves the group, so that others need not wait for the session to end. */
  leave(): Promise<void>;
}

/** Whether the coordinator has been heard since the runtime was last frozen. */
export class Sureness {
  readonly #clock: Clock;
  /** As of the last question that was answered. */
  #askedAtFrozenMs: number;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#askedAtFrozenMs = clock.frozenMs;
  }

  get isSure(): boolean {
    return this.#askedAtFrozenMs === this.#clock.frozenMs;
  }

  /** Something is asked now: what to say when it is answered. */
  asking(): number {
    this.#clock.now();
    return this.#clock.frozenMs;
  }

  answered(asked: number): void {
    this.#askedAtFrozenMs = asked;
    this.#clock.now();
    if (this.isSure) this.settle();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing is left to be in doubt about. */
  settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Those of the first list that are not in the second. */
export function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  return partitions.filter(
    ({ topic, partition }) => !others.some((other) => other.partition === partition && other.topic === topic),
  );
}
