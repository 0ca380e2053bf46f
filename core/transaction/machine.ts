/**
 * One transactional id's coordinator: each request becomes a step of the state, each step one row, and the end of a transaction calls
 * to everybody who holds a part of it. What comes while a transaction is being ended waits a little for that, since the markers are
 * written within milliseconds, and hears CONCURRENT_TRANSACTIONS only when they are not. The Durable Object around it and the
 * simulator carry the effects out and bring the time.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { type Admission, admit, refuseAll } from "./admit.ts";
import { type Decision, needsProducerId, refusal } from "./decision.ts";
import { EndCalls } from "./end-calls.ts";
import { completed, endTransaction, fence } from "./end.ts";
import type { CallAnswered, TransactionEffect, TransactionEvent, TransactionRequest } from "./events.ts";
import { initProducerId } from "./init-producer-id.ts";
import type { TransactionDescription, TransactionListing } from "./requests.ts";
import { fromRow, isCompleting, toRow, type TransactionState } from "./state.ts";

/** How long a request waits for the end of a transaction. */
const patienceMs = 1000;
const waitingMax = 100;
/** An alarm this far ahead brings a coordinator back that was killed while it ended a transaction. */
const backstopMs = 10_000;
/**
 * So long after the last step the alarm of a transaction that is over gives way to the id's expiry. To be awake for it costs about what
 * the two rows do that a producer spares who goes on before: its alarm stands already.
 */
const restMs = 1000;

export interface TransactionOptions {
  readonly timeoutMsMax: number;
  readonly expirationMs: number;
}

type Asked = TransactionRequest & { readonly requestId: number };

interface Waiting {
  readonly asked: Asked;
  readonly deadline: number;
}

export class TransactionMachine {
  readonly #options: TransactionOptions;
  readonly #calls = new EndCalls();
  #state: TransactionState | undefined;
  #waiting: Waiting[] = [];
  #effects: TransactionEffect[] = [];

  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  static restore(options: TransactionOptions, row: string | undefined, now: number): TransactionMachine {
    const machine = new TransactionMachine(options);
    if (row === undefined) return machine;
    machine.#state = fromRow(row);
    if (isCompleting(machine.#state)) machine.#calls.begin(machine.#state, now);
    return machine;
  }

  get exists(): boolean {
    return this.#state !== undefined;
  }

  handle(event: TransactionEvent, now: number): readonly TransactionEffect[] {
    if (event.kind === "alarm") this.#alarm(now);
    else if (event.kind === "call-answered") this.#callAnswered(event, now);
    else this.#ask({ asked: event, deadline: now + patienceMs }, now);
    return this.tick(now);
  }

  tick(now: number): readonly TransactionEffect[] {
    const impatient = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (impatient.length > 0) {
      this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
      for (const { asked } of impatient) this.#reply(asked, tooConcurrent(asked));
    }
    for (const call of this.#calls.take(now)) this.#effects.push({ kind: "call", call });
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When to look again while this memory lasts, given the alarm that is set. */
  nextDeadline(alarmAt: number | undefined): number | undefined {
    let next = this.#calls.nextDeadline();
    for (const { deadline } of this.#waiting) if (next === undefined || deadline < next) next = deadline;
    const restAt = this.#restAt(alarmAt);
    return next === undefined || (restAt !== undefined && restAt < next) ? restAt : next;
  }

  /**
   * When the coordinator must be woken even if it was evicted, given the alarm that is set; undefined leaves that one as it is. While
   * there are transactions it is moved only when it would ring too late: one that comes too early looks again, so a busy producer does
   * not pay for one with every transaction. Once they have been over for a while it goes to the day on which the id is forgotten, so
   * that nobody is woken for nothing.
   */
  wantsAlarm(current: number | undefined, now: number): number | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    const wanted = Math.max(this.#wakeAt(state, now), now + 1);
    if (current === undefined || current > wanted) return wanted;
    const restAt = this.#restAt(current);
    return restAt !== undefined && restAt <= now ? wanted : undefined;
  }

  #wakeAt(state: TransactionState, now: number): number {
    if (isCompleting(state)) return now + backstopMs;
    return state.name === "Ongoing" ? state.startedMs + state.timeoutMs : this.#forgottenAt(state);
  }

  #forgottenAt({ updatedMs }: TransactionState): number {
    return updatedMs + this.#options.expirationMs;
  }

  /** When an alarm that would come for nothing is moved; undefined while there is none such, or it comes sooner than that. */
  #restAt(alarmAt: number | undefined): number | undefined {
    const state = this.#state;
    if (state === undefined || alarmAt === undefined || state.name === "Ongoing" || isCompleting(state)) return undefined;
    const restAt = state.updatedMs + restMs;
    return restAt < alarmAt && alarmAt < this.#forgottenAt(state) ? restAt : undefined;
  }

  #ask(waiting: Waiting, now: number): void {
    const { asked } = waiting;
    switch (asked.kind) {
      case "init-producer-id":
        return this.#decided(waiting, initProducerId(this.#state, asked.request, this.#options.timeoutMsMax, now), now);
      case "end":
        return this.#decided(waiting, endTransaction(this.#state, asked.request, now), now);
      case "admit":
        return this.#admitted(waiting, admit(this.#state, asked.request, now));
      case "describe":
        return this.#reply(asked, this.#describe());
      case "list":
        return this.#reply(asked, this.#list());
    }
  }

  #decided(waiting: Waiting, decision: Decision, now: number): void {
    const { asked } = waiting;
    if (decision.kind === "answer") return this.#reply(asked, decision.answer);
    if (decision.kind === "needs-producer-id") return this.#reply(asked, needsProducerId);
    if (decision.kind === "later") return this.#wait(waiting);
    const isAgain = decision.answer === "again";
    if (isAgain) this.#waiting.push(waiting);
    else this.#reply(asked, decision.answer);
    this.#step(decision.state, now);
  }

  #admitted(waiting: Waiting, admission: Admission): void {
    if (admission.kind === "later") return this.#wait(waiting);
    if (admission.kind === "step") this.#write(admission.state);
    this.#reply(waiting.asked, admission.reply);
  }

  #wait(waiting: Waiting): void {
    if (this.#waiting.length < waitingMax) this.#waiting.push(waiting);
    else this.#reply(waiting.asked, tooConcurrent(waiting.asked));
  }

  #step(state: TransactionState, now: number): void {
    this.#write(state);
    if (isCompleting(state)) this.#calls.begin(state, now);
  }

  #write(state: TransactionState): void {
    this.#state = state;
    this.#effects.push({ kind: "row", value: toRow(state) });
  }

  #reply({ requestId }: Asked, answer: unknown): void {
    this.#effects.push({ kind: "reply", requestId, answer });
  }

  #callAnswered({ callId, isDone }: CallAnswered, now: number): void {
    this.#calls.answered(callId, isDone, now);
    if (this.#state === undefined || !isCompleting(this.#state) || !this.#calls.isEmpty) return;
    this.#write(completed(this.#state, now));
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) this.#ask(one, now);
  }

  #alarm(now: number): void {
    const state = this.#state;
    if (state === undefined || isCompleting(state)) return;
    if (state.name === "Ongoing") {
      if (now >= state.startedMs + state.timeoutMs) this.#step(fence(state, now), now);
      return;
    }
    if (now < this.#forgottenAt(state)) return;
    this.#state = undefined;
    this.#effects.push({ kind: "wipe" });
  }

  #list(): TransactionListing | undefined {
    if (this.#state === undefined) return undefined;
    const { name, producerId, startedMs } = this.#state;
    return { state: name, producerId, startedMs };
  }

  #describe(): TransactionDescription | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    const { name, producerId, producerEpoch, generation, timeoutMs, startedMs, partitions } = state;
    const unheard = isCompleting(state) ? partitions.inCells(this.#calls.cells) : partitions;
    const topics = Array.from(unheard.byTopic(), ([topicId, indexes]) => ({ topicId, partitions: indexes }));
    return { state: name, producerId, producerEpoch, generation, timeoutMs, startedMs, topics };
  }
}

function tooConcurrent(asked: Asked): unknown {
  const errorCode = errorCodes.CONCURRENT_TRANSACTIONS;
  return asked.kind === "admit" ? refuseAll(asked.request, errorCode) : refusal(errorCode);
}
