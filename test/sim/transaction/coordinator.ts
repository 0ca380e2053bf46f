/**
 * A transactional id's coordinator in the simulated world: the real machine over one row that becomes durable a little after it was
 * written. As with a Durable Object, no answer and no call leaves before the row it rests on; a kill takes what was not durable, and
 * an alarm survives it.
 */
import type { MarkerAnswer } from "../../../core/coordinator.ts";
import { isHeard, markerRequest } from "../../../core/transaction/end-calls.ts";
import type { EndCall, TransactionEffect, TransactionRequest } from "../../../core/transaction/events.ts";
import { TransactionMachine, type TransactionOptions } from "../../../core/transaction/machine.ts";
import { fromRow } from "../../../core/transaction/state.ts";
import type { Happening } from "../history.ts";
import type { SimulatedLeader } from "../leader.ts";
import { Life, type Network } from "../network.ts";
import type { Planted } from "../plants.ts";
import type { World } from "../world.ts";

/** Within this the alarm of a transaction that is over is moved and durable. */
const moveMs = 1100;

export interface CoordinatorSurroundings {
  readonly world: World;
  readonly network: Network;
  readonly leaders: readonly SimulatedLeader[];
  readonly options: TransactionOptions;
  readonly plant: Planted;
  readonly record: (event: Happening) => void;
}

export class SimulatedCoordinator {
  readonly life = new Life();
  readonly #name: string;
  readonly #surroundings: CoordinatorSurroundings;
  #machine: TransactionMachine;
  #durableRow: string | undefined;
  #durableAlarmAt: number | undefined;
  #alarmAt: number | undefined;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextRequestId = 1;

  constructor(name: string, surroundings: CoordinatorSurroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
    this.#machine = new TransactionMachine(surroundings.options);
  }

  get #world(): World {
    return this.#surroundings.world;
  }

  ask(request: TransactionRequest, answer: (answer: unknown) => void): void {
    const requestId = this.#nextRequestId++;
    this.#waiting.set(requestId, answer);
    this.#run((now) => this.#machine.handle({ ...request, requestId }, now));
  }

  kill(): void {
    this.#world.log(`${this.#name} dies`);
    this.life.die();
    this.#waiting.clear();
  }

  start(): void {
    this.#world.log(`${this.#name} starts`);
    this.life.start();
    this.#machine = TransactionMachine.restore(this.#surroundings.options, this.#durableRow, Math.floor(this.#world.now));
    this.#alarmAt = this.#durableAlarmAt;
    this.#run((now) => this.#machine.tick(now));
  }

  #run(decide: (now: number) => readonly TransactionEffect[]): void {
    const now = Math.floor(this.#world.now);
    const effects = decide(now);
    for (const effect of effects) {
      if (effect.kind === "row") this.#soon("a row", () => (this.#durableRow = effect.value));
      else if (effect.kind === "wipe") this.#soon("a wipe", () => (this.#durableRow = undefined));
    }
    for (const effect of effects) {
      if (effect.kind === "call") this.#soon("a call", () => this.#call(effect.call));
      if (effect.kind !== "reply") continue;
      const answer = this.#waiting.get(effect.requestId);
      this.#waiting.delete(effect.requestId);
      this.#soon("a reply", () => answer?.(effect.answer));
    }
    const alarmAt = this.#machine.wantsAlarm(this.#alarmAt, now);
    if (alarmAt !== undefined) this.#setAlarm(alarmAt, now);
    const deadline = this.#machine.nextDeadline(this.#alarmAt);
    if (deadline !== undefined) this.#after(deadline - now, "ticks", () => this.#run((later) => this.#machine.tick(later)));
  }

  /** All of them after the same while, so in the order in which they were planned. */
  #soon(what: string, work: () => void): void {
    this.#after(1, what, work);
  }

  #after(ms: number, what: string, work: () => void): void {
    this.#world.after(Math.max(0, ms), `${this.#name}: ${what}`, this.life.bind(work));
  }

  #setAlarm(at: number, now: number): void {
    const isLater = this.#alarmAt !== undefined && this.#alarmAt < at;
    this.#alarmAt = at;
    if (isLater && this.#surroundings.plant.is("leave-alarms")) return;
    this.#soon("an alarm is set", () => {
      this.#durableAlarmAt = at;
      // Whoever is alive then, or is brought back by it.
      this.#world.after(Math.max(0, at - now), `${this.#name}: an alarm`, () => this.#alarm(at));
    });
  }

  #alarm(at: number): void {
    if (this.#durableAlarmAt !== at) return;
    this.#durableAlarmAt = undefined;
    if (!this.life.alive) this.start();
    else if (this.#wasOverBefore(at))
      this.#surroundings.record({ kind: "stuck", at, what: `${this.#name} is woken for a transaction that is over` });
    this.#alarmAt = undefined;
    this.#run((now) => this.#machine.handle({ kind: "alarm" }, now));
  }

  #wasOverBefore(at: number): boolean {
    if (this.#durableRow === undefined) return false;
    const { name, updatedMs } = fromRow(this.#durableRow);
    const isOver = name === "Empty" || name.startsWith("Complete");
    return isOver && at > updatedMs + moveMs && at < updatedMs + this.#surroundings.options.expirationMs;
  }

  #call(call: EndCall): void {
    const done = (isDone: boolean): void =>
      this.#run((now) => this.#machine.handle({ kind: "call-answered", callId: call.callId, isDone }, now));
    if (call.kind === "offsets") return done(true);
    const { network, leaders, plant } = this.#surroundings;
    const leader = leaders[call.cell]!;
    const request = markerRequest(call);
    const marker = plant.is("commit-in-one-cell") && call.cell === 0 ? { ...request, commit: true } : request;
    network.call<readonly MarkerAnswer[]>(
      `${this.#name} ${marker.commit ? "commits" : "aborts"} ${marker.generation} in cell ${call.cell}`,
      this.life,
      leader.life,
      (answer) => leader.writeMarkers([marker], answer),
      ([answer]) => done(answer!.every(isHeard)),
      () => done(false),
    );
  }
}
