/**
 * The way to one Durable Object over RPC. One stub for as long as it works, because calls on one stub arrive in order; a new one after
 * any failure, because a stub whose object was reset stays broken.
 */
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
      throw error;
    }
  }

  /** For questions, and for whatever does no harm when it happens twice: an object that has just been restarted is asked again. */
  async repeat<Answer>(work: (target: Target) => Promise<Answer>): Promise<Answer> {
    return await this.call(work).catch(() => this.call(work));
  }
}
