/** Transaction coordinators without Durable Objects: a machine an id, its calls to leaders and groups answered at once or when asked to. */
import type { EndCall, TransactionEffect, TransactionRequest } from "../../core/transaction/events.ts";
import { TransactionMachine } from "../../core/transaction/machine.ts";
import type { ProducerIdAnswer } from "../../core/transaction/requests.ts";
import type { TransactionClient } from "../../core/transaction/transaction-client.ts";

const options = { timeoutMsMax: 900_000, expirationMs: 604_800_000 };

interface LocalTransactionsOptions {
  readonly now: () => number;
  readonly nextProducerId: () => Promise<number>;
  readonly register: (transactionalId: string) => Promise<void>;
}

export class LocalTransactions {
  readonly calls: EndCall[] = [];
  /** While true nobody hears of the ends of transactions. */
  areEndsHeld = false;
  readonly asked: string[] = [];
  readonly #options: LocalTransactionsOptions;
  readonly #machines = new Map<string, TransactionMachine>();
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextRequestId = 1;

  constructor(options: LocalTransactionsOptions) {
    this.#options = options;
  }

  client(id: string): TransactionClient {
    return {
      initProducerId: (request) =>
        this.#withProducerId(async (newProducerId) => {
          if (newProducerId !== undefined) await this.#options.register(id);
          return await this.#ask(id, { kind: "init-producer-id", request: { ...request, newProducerId } });
        }),
      end: (request) =>
        this.#withProducerId((newProducerId) => this.#ask(id, { kind: "end", request: { ...request, newProducerId } })),
      admit: (request) => this.#ask(id, { kind: "admit", request }),
      describe: () => this.#ask(id, { kind: "describe" }),
      list: () => this.#ask(id, { kind: "list" }),
    };
  }

  /** Time has passed. */
  tick(id: string): void {
    this.#apply(id, this.#machine(id).tick(this.#options.now()));
  }

  async #withProducerId(ask: (newProducerId: number | undefined) => Promise<ProducerIdAnswer>): Promise<ProducerIdAnswer> {
    const answer = await ask(undefined);
    return answer.needsProducerId ? ask(await this.#options.nextProducerId()) : answer;
  }

  #ask<Answer>(id: string, request: TransactionRequest): Promise<Answer> {
    this.asked.push(request.kind);
    const requestId = this.#nextRequestId++;
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve as (answer: unknown) => void);
      this.#apply(id, this.#machine(id).handle({ ...request, requestId }, this.#options.now()));
    });
  }

  #machine(id: string): TransactionMachine {
    let machine = this.#machines.get(id);
    if (machine === undefined) this.#machines.set(id, (machine = new TransactionMachine(options)));
    return machine;
  }

  #apply(id: string, effects: readonly TransactionEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "reply") this.#waiting.get(effect.requestId)?.(effect.answer);
      if (effect.kind !== "call") continue;
      this.calls.push(effect.call);
      if (!this.areEndsHeld) this.#answer(id, effect.call);
    }
  }

  #answer(id: string, { callId }: EndCall): void {
    this.#apply(id, this.#machine(id).handle({ kind: "call-answered", callId, isDone: true }, this.#options.now()));
  }
}
