/**
 * The silence that a client owes because it used more than its quota: until it is over nothing further of its connection is begun, as
 * in Kafka since 2.0. Afterwards its requests are worked on one at a time, until one passes: many at once would be too much again
 * before the first is counted. A timer stands only while a request waits for the end of the silence (D3).
 */
import type { ClientQuotas, MutationAnswer } from "../core/quota/client-quotas.ts";

/** Kafka's name of whoever has not said who they are. */
const anonymous = "ANONYMOUS";
const produceKey = 0;
const fetchKey = 1;

export interface MutingOptions {
  readonly quotas: Pick<ClientQuotas, "record" | "fetchBytesMax" | "mutate">;
  readonly now: () => number;
  /** Calls back after so many milliseconds, unless the answer is called first. */
  readonly after: (ms: number, work: () => void) => () => void;
  readonly onOver: () => void;
}

export class Muting {
  readonly #options: MutingOptions;
  #untilMs = 0;
  #isOnProbation = false;
  #callOff: (() => void) | undefined;

  constructor(options: MutingOptions) {
    this.#options = options;
  }

  fetchBytesMax(clientId: string | null): number {
    return this.#options.quotas.fetchBytesMax({ user: anonymous, clientId: clientId ?? "" });
  }

  /** Before partitions are made or deleted. */
  mutate(clientId: string | null, partitions: number, isStrict: boolean): MutationAnswer {
    const { quotas, now } = this.#options;
    const answer = quotas.mutate({ user: anonymous, clientId: clientId ?? "" }, partitions, isStrict, now());
    this.#silence(answer.throttleMs);
    return answer;
  }

  /** Counts a request and its answer; how long the client must be silent for it. */
  charge(clientId: string | null, apiKey: number, requestBytes: number, answerBytes: number): number {
    const { quotas, now } = this.#options;
    const use = {
      producedBytes: apiKey === produceKey ? requestBytes : 0,
      fetchedBytes: apiKey === fetchKey ? answerBytes : 0,
      movedBytes: requestBytes + answerBytes,
    };
    const throttleMs = quotas.record({ user: anonymous, clientId: clientId ?? "" }, use, now());
    this.#isOnProbation = throttleMs > 0;
    this.#silence(throttleMs);
    return throttleMs;
  }

  #silence(ms: number): void {
    if (ms > 0) this.#untilMs = Math.max(this.#untilMs, this.#options.now() + ms);
  }

  /** Asked when a request wants to begin; when the silence forbids it, `onOver` says when to ask again. */
  holdsBack(underWay: number): boolean {
    if (this.#isOnProbation && underWay > 0) return true;
    if (this.#untilMs === 0) return false;
    const leftMs = this.#untilMs - this.#options.now();
    if (leftMs <= 0) {
      this.#untilMs = 0;
      return false;
    }
    this.#callOff ??= this.#options.after(leftMs, () => {
      this.#callOff = undefined;
      this.#options.onOver();
    });
    return true;
  }

  end(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }
}
