/**
 * A group's Durable Object in the simulated world: the real machine over rows that come to rest a little after they were written.
 * As behind an output gate, every answer waits for the rows before it. It can be killed before its rows are written, before they
 * rest and before it answers; a call or its alarm brings it back from the rows that rest, and from nothing else.
 */
import type { DescribeConsumerGroupAnswer } from "../../../core/group/consumer/requests.ts";
import { GroupMachine } from "../../../core/group/machine.ts";
import type { GroupOptions } from "../../../core/group/options.ts";
import type { Effect } from "../../../core/group/outbox.ts";
import type { DescribeGroupAnswer } from "../../../core/group/requests.ts";
import { Rows } from "../../core/group/harness.ts";
import type { GroupHappening, Happening } from "../history.ts";
import { Life } from "../network.ts";
import type { Planted } from "../plants.ts";
import type { World } from "../world.ts";
import type { SimulatedTopic } from "./cluster.ts";
import { brokenOff, type Callee, type GroupCall } from "./gateway.ts";
import { ToldEpochs } from "./told-epochs.ts";

export interface SimulatedGroupOptions {
  readonly options: GroupOptions;
  readonly topic: SimulatedTopic;
  readonly record: (event: Happening) => void;
  readonly plant: Planted;
}

export interface GroupFaults {
  /** At each step of each event. */
  readonly killed: number;
  readonly restMsMax: number;
}

interface Waiting {
  readonly call: GroupCall;
  readonly answer: (answer: unknown) => void;
}

/** What one event wrote and answers once it rests. */
interface Written {
  readonly effects: readonly Effect[];
  readonly alarmAt: number | undefined;
  readonly happenings: readonly GroupHappening[];
}

type Look = DescribeGroupAnswer | DescribeConsumerGroupAnswer;

export class SimulatedGroup implements Callee {
  /** Whether brokers can reach it; the object itself comes and goes behind it. */
  readonly address = new Life();
  faults: GroupFaults;
  kills = 0;
  alarms = 0;
  readonly #world: World;
  readonly #options: SimulatedGroupOptions;
  readonly #life = new Life();
  readonly #told: ToldEpochs;
  readonly #rows = new Rows();
  #restingAlarm: number | undefined;
  #machine: GroupMachine | undefined;
  #alarmAt: number | undefined;
  #timerAt: number | undefined;
  #looks = "";
  #members = "";
  readonly #waiting = new Map<number, Waiting>();
  #written: Written[] = [];
  #restsAt = 0;
  #nextRequestId = 1;

  constructor(world: World, options: SimulatedGroupOptions, faults: GroupFaults) {
    this.#world = world;
    this.#options = options;
    this.faults = faults;
    this.#told = new ToldEpochs(options.plant);
  }

  serve(sent: GroupCall, answer: (answer: unknown) => void): void {
    const call = this.#told.tamper(sent);
    const requestId = this.#nextRequestId++;
    const { topic } = this.#options;
    const view = {
      version: topic.partitions,
      topics: new Map([[topic.name, { id: topic.topicId, partitions: topic.partitions }]]),
    };
    this.#waiting.set(requestId, { call, answer });
    const leaves = call.kind === "consumer-heartbeat" && call.request.memberEpoch < 0;
    this.#perform(leaves ? "leave-group" : call.kind, (machine) =>
      machine.handle(
        { ...call, requestId, uuid: `uuid${requestId}`, view } as Parameters<GroupMachine["handle"]>[0],
        this.#world.now,
      ),
    );
  }

  /** What waits for it fails; rows that were on their way rest or not, in order. */
  kill(when: string): void {
    if (this.#machine === undefined) return;
    this.#world.log(`the group dies ${when}`);
    this.kills += 1;
    for (let arrived = this.#world.random.between(0, this.#written.length); arrived > 0; arrived--)
      this.#rest(this.#written.shift()!);
    this.#written = [];
    this.#life.die();
    this.#machine = undefined;
    this.#timerAt = undefined;
    // An alarm whose handler did not come to its end is tried again.
    if (this.#restingAlarm !== undefined && this.#restingAlarm <= this.#world.now) this.#planAlarm(this.#world.now + 2000);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { answer } of waiting) answer(brokenOff);
  }

  get state(): string {
    return this.#machine === undefined ? "gone" : describe(this.#machine, this.#world.now).groupState;
  }

  /** What is left to wait for. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#machine?.nextDeadline() === undefined;
  }

  #inMemory(): GroupMachine {
    if (this.#machine !== undefined) return this.#machine;
    this.#life.start();
    this.#machine = this.#restored();
    // Asked of another copy: the question must not carry out what is due.
    const look = describe(this.#restored(), this.#world.now, true);
    this.#looks = JSON.stringify(look);
    // Who was removed without a row, in the midst of a rebalance, is a member again.
    this.#noteMembers(look, (happening) => this.#options.record(happening));
    this.#alarmAt = this.#restingAlarm;
    this.#restsAt = this.#world.now;
    this.#world.log("the group starts");
    return this.#machine;
  }

  #restored(): GroupMachine {
    const rows = [...this.#rows.slots.values()].toSorted((one, other) => one.sequence - other.sequence);
    const kept = this.#options.plant.is("lose-rows-on-crash") ? rows.slice(0, -1) : rows;
    return GroupMachine.restore(this.#options.options, this.#rows.snapshot, kept, this.#world.now);
  }

  #perform(what: string, decide: (machine: GroupMachine) => readonly Effect[]): void {
    const machine = this.#inMemory();
    const somethingDue = (machine.nextDeadline() ?? Infinity) <= this.#world.now;
    const effects = [...decide(machine)];
    // What fell due by that: the timer for it would fire at once.
    while ((machine.nextDeadline() ?? Infinity) <= this.#world.now) effects.push(...machine.tick(this.#world.now));
    if (this.#world.random.chance(this.faults.killed)) return this.kill("before its rows are written");
    const happenings = [...this.#told.happenings(this.#world.now, effects, (id) => this.#waiting.get(id)?.call)];
    const rows = effects.filter(({ kind }) => kind !== "reply").length;
    const changed = rows > 0 && this.#lookAgain(machine, happenings);
    if (!somethingDue || what === "alarm") happenings.push(this.#handled(what, rows, changed));
    const alarmAt = machine.wantsAlarm(this.#alarmAt, this.#world.now);
    if (alarmAt !== undefined) this.#alarmAt = alarmAt;
    this.#write({ effects, alarmAt: this.#alarmAt, happenings });
    this.#planTimer(machine);
  }

  #handled(what: string, rows: number, changed: boolean): GroupHappening {
    const extra = this.#options.plant.is("write-on-heartbeats") && what.endsWith("heartbeat") ? 1 : 0;
    return { kind: "handled", at: this.#world.now, what, rows: rows + extra, changed };
  }

  /** Whether the group looks different from outside. */
  #lookAgain(machine: GroupMachine, happenings: GroupHappening[]): boolean {
    const look = describe(machine, this.#world.now);
    const looks = JSON.stringify(look);
    const changed = looks !== this.#looks;
    this.#looks = looks;
    this.#noteMembers(look, (happening) => happenings.push(happening));
    return changed;
  }

  #noteMembers(look: Look, note: (happening: GroupHappening) => void): void {
    const members = look.members.map(({ memberId }) => memberId);
    if (members.join() !== this.#members) note({ kind: "membership", at: this.#world.now, members });
    this.#members = members.join();
  }

  #write(written: Written): void {
    const now = this.#world.now;
    const writes = written.effects.some(({ kind }) => kind !== "reply") || written.alarmAt !== this.#restingAlarm;
    const takesMs = writes ? this.#world.random.between(0, this.faults.restMsMax) : 0;
    this.#restsAt = Math.max(this.#restsAt, now + takesMs);
    this.#written.push(written);
    if (this.#options.plant.is("show-before-durable")) this.#answer(written);
    const rested = this.#life.bind(() => {
      this.#written.shift();
      this.#rest(written);
      if (this.#world.random.chance(this.faults.killed)) this.kill("before it answers");
      else this.#answer(written);
    });
    this.#world.after(this.#restsAt - now, "the group's gate opens", rested);
  }

  #rest({ effects, alarmAt, happenings }: Written): void {
    for (const effect of effects) if (effect.kind !== "reply") this.#rows.apply(effect);
    for (const happening of happenings) this.#options.record({ ...happening, at: this.#world.now });
    if (alarmAt === this.#restingAlarm) return;
    this.#restingAlarm = alarmAt;
    if (alarmAt !== undefined) this.#planAlarm(alarmAt);
  }

  #answer({ effects }: Written): void {
    for (const effect of effects) {
      if (effect.kind !== "reply") continue;
      const waiting = this.#waiting.get(effect.requestId);
      this.#waiting.delete(effect.requestId);
      if (waiting !== undefined && !this.#isForgotten(waiting.call)) waiting.answer(effect.answer);
    }
  }

  #isForgotten({ kind }: GroupCall): boolean {
    return this.#options.plant.is("never-answer") && kind === "join-group" && this.#world.random.chance(0.5);
  }

  #planTimer(machine: GroupMachine): void {
    const deadline = machine.nextDeadline();
    if (deadline === undefined || (this.#timerAt !== undefined && this.#timerAt <= deadline)) return;
    this.#timerAt = deadline;
    const tick = this.#life.bind(() => {
      if (this.#timerAt !== deadline) return;
      this.#timerAt = undefined;
      this.#perform("timer", (awake) => awake.tick(this.#world.now));
    });
    this.#world.after(Math.max(0, deadline - this.#world.now), "the group's timer", tick);
  }

  #planAlarm(at: number): void {
    const due = this.#restingAlarm;
    this.#world.after(Math.max(0, at - this.#world.now), "the group's alarm", () => {
      if (this.#restingAlarm !== due) return;
      this.alarms += 1;
      this.#inMemory();
      this.#alarmAt = undefined;
      this.#perform("alarm", (machine) => machine.handle({ kind: "alarm" }, this.#world.now));
    });
  }
}

/** The question changes nothing; what is due at the same time may come along with a copy that nobody else uses. */
function describe(machine: GroupMachine, now: number, copy = false): Look {
  const ask = (kind: "describe-group" | "describe-consumer-group"): Look => {
    const effects = machine.handle({ kind, requestId: 0 }, now);
    if (!copy && effects.some((effect) => effect.kind !== "reply")) throw new Error(`${kind} wrote rows`);
    const reply = effects.find((effect) => effect.kind === "reply" && effect.requestId === 0) as { readonly answer: Look };
    return reply.answer;
  };
  const consumer = ask("describe-consumer-group");
  return consumer.errorCode === 0 ? consumer : ask("describe-group");
}
