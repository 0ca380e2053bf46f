/**
 * Hands out producer ids from blocks that the controller gives to this broker alone. What is left of a block when the broker
 * restarts is lost: ids are 53 bits wide here, and nobody counts them.
 */
import type { ControllerClient } from "./controller-client.ts";

export class ProducerIds {
  readonly #controller: Pick<ControllerClient, "allocateProducerIds">;
  #next = 0;
  #end = 0;
  #allocation: Promise<void> | undefined;

  constructor(controller: Pick<ControllerClient, "allocateProducerIds">) {
    this.#controller = controller;
  }

  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#allocation ??= this.#allocate();
      await this.#allocation;
    }
    return this.#next++;
  }

  async #allocate(): Promise<void> {
    try {
      const { first, count } = await this.#controller.allocateProducerIds();
      this.#next = first;
      this.#end = first + count;
    } finally {
      this.#allocation = undefined;
    }
  }
}
