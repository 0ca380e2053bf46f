/**
 * How many partitions may be made and deleted (controller_mutation_rate), as Kafka counts: tokens come at the rate of the quota, no more
 * are kept than all windows bring, and what is let through may leave a debt. Time comes with the questions.
 */
export class MutationTokens {
  #tokens: number;
  #atMs: number;

  constructor(burst: number, nowMs: number) {
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Milliseconds until there is no debt. */
  owedMs(perSecond: number, burst: number, nowMs: number): number {
    const gained = (Math.max(0, nowMs - this.#atMs) * perSecond) / 1000;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / perSecond) * 1000);
  }

  take(count: number): void {
    this.#tokens -= count;
  }
}
