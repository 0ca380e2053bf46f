/** One partition as its leader knows it: where its log begins and ends, its extents, its producers and the epochs it has had. */
import type { PartitionBounds, PartitionRef, PartitionSettings } from "../coordinator.ts";
import { ExtentLog } from "./extent-log.ts";
import type { ProducerState } from "./producers.ts";

export class PartitionLog {
  readonly id: number;
  readonly ref: PartitionRef;
  settings: PartitionSettings = { timestampType: "CreateTime" };
  readonly extents = new ExtentLog();
  readonly producers = new Map<number, ProducerState>();
  /** Where each leader epoch begins, oldest first. */
  readonly epochs: { readonly epoch: number; readonly startOffset: number }[] = [{ epoch: 0, startOffset: 0 }];
  logStartOffset = 0;
  nextOffset = 0;
  producersSweptMs = 0;

  constructor(id: number, ref: PartitionRef) {
    this.id = id;
    this.ref = ref;
  }

  get leaderEpoch(): number {
    return this.epochs.at(-1)!.epoch;
  }

  /** What is committed is durable at once, so the high watermark is the log's end; without transactions it is stable too. */
  get bounds(): PartitionBounds {
    return {
      logStartOffset: this.logStartOffset,
      highWatermark: this.nextOffset,
      lastStableOffset: this.nextOffset,
      leaderEpoch: this.leaderEpoch,
    };
  }

  /** A producer that was silent for too long is a stranger again. */
  producer(producerId: number, nowMs: number, expirationMs: number): ProducerState | undefined {
    const state = this.producers.get(producerId);
    return state !== undefined && nowMs - state.lastUsedMs >= expirationMs ? undefined : state;
  }

  /** Frees expired producers, now and then. */
  sweepProducers(nowMs: number, expirationMs: number): void {
    if (nowMs - this.producersSweptMs < expirationMs / 8) return;
    this.producersSweptMs = nowMs;
    for (const [id, state] of this.producers) if (nowMs - state.lastUsedMs >= expirationMs) this.producers.delete(id);
  }

  /** Where a leader epoch ended, as Kafka's epoch cache says it: an epoch nobody has led in yet is undefined, -1. */
  epochEnd(epoch: number): { readonly leaderEpoch: number; readonly endOffset: number } {
    if (epoch === this.leaderEpoch) return { leaderEpoch: epoch, endOffset: this.nextOffset };
    const next = this.epochs.findIndex((candidate) => candidate.epoch > epoch);
    if (next < 0) return { leaderEpoch: -1, endOffset: -1 };
    return { leaderEpoch: this.epochs[next - 1]?.epoch ?? epoch, endOffset: this.epochs[next]!.startOffset };
  }
}
