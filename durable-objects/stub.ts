/**
 * The way to one Durable Object over RPC. One stub for as long as it works, because calls on one stub arrive in order; a new one after
 * any failure, because a stub whose object was reset stays broken. Whatever goes wrong on the way, or there, the call may be made again.
 */
import { OperatingError, operatingErrorKind } from "../core/operating-error.ts";
import { withinTime } from "./within-time.ts";

/** A controller that waits for leaders answers sooner. */
const callMsMax = 15_000;

export class Stub<Target> {
  readonly #open: () => Target;
  #target: Target | undefined;

  constructor(open: () => Target) {
    this.#open = open;
  }

  async call<Answer>(work: (target: Target) => Promise<Answer>): Promise<Answer> {
    const target = (this.#target ??= this.#open());
    try {
      return await work(target);
    } catch (error) {
      if (this.#target === target) this.#target = undefined;
      if (operatingErrorKind(error) !== undefined) throw error;
      throw new OperatingError("retry", error instanceof Error ? error.message : String(error), error);
    }
  }

  /** For what is soon answered: a call that hangs fails like one that broke off. */
  async ask<Answer>(work: (target: Target) => Promise<Answer>): Promise<Answer> {
    return await this.call((target) => withinTime(callMsMax, () => work(target)));
  }

  /** For questions, and for whatever does no harm when it happens twice: an object that has just been restarted is asked again. */
  async repeat<Answer>(work: (target: Target) => Promise<Answer>): Promise<Answer> {
    return await onceMore(() => this.ask(work));
  }
}

/** An object that has more to do than it can is not asked again: it would have even more. The client hears so, and waits before it tries. */
export async function onceMore<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  return await ask().catch((error: unknown) => {
    if (isOverloaded(error)) throw error;
    return ask();
  });
}

/** As the platform marks it. */
function isOverloaded(error: unknown): boolean {
  if (error instanceof OperatingError) return isOverloaded(error.cause);
  return typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
}
