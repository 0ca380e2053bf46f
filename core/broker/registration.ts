/**
 * How a broker comes by its epoch: asked for when something is to be written, asked for again when the controller doesn't answer,
 * given up for the moment when it doesn't answer at all.
 */
import type { EffectSink } from "./events.ts";
import { backoffMs, type Timer, type Timers } from "./timers.ts";

const attemptsMax = 6;
const retryFirstMs = 100;
const retryMaxMs = 2000;

export class Registration {
  readonly #sink: EffectSink;
  readonly #timers: Timers<(now: number) => void>;
  #unanswered = false;
  #attempts = 0;
  #retry: Timer<(now: number) => void> | undefined;

  constructor(sink: EffectSink, timers: Timers<(now: number) => void>) {
    this.#sink = sink;
    this.#timers = timers;
  }

  ask(): void {
    if (this.#unanswered || this.#retry !== undefined) return;
    this.#unanswered = true;
    this.#sink.push({ kind: "register" });
  }

  /** False when nobody asked. */
  answered(brokerEpoch: number): boolean {
    if (!this.#unanswered) return false;
    this.#unanswered = false;
    this.#attempts = 0;
    this.#sink.push({ kind: "log", level: "info", event: "broker-registered", fields: { brokerEpoch } });
    return true;
  }

  failed(message: string, now: number): "given-up" | undefined {
    if (!this.#unanswered) return undefined;
    this.#unanswered = false;
    this.#attempts += 1;
    this.#sink.push({ kind: "log", level: "warn", event: "register-failed", fields: { attempts: this.#attempts, message } });
    if (this.#attempts >= attemptsMax) {
      this.#attempts = 0;
      return "given-up";
    }
    this.#retry = this.#timers.add(now + backoffMs(this.#attempts, retryFirstMs, retryMaxMs), () => {
      this.#retry = undefined;
      this.ask();
    });
    return undefined;
  }
}
