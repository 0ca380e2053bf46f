/**
 * The deletion of write-ahead objects in the simulated world (D12): the controller's real decisions over the faulty network and store,
 * with deaths between any two steps. It draws from a randomness of its own.
 */
import { WalGarbage, type BrokerFloor, type DoomedRange, type Survey } from "../../core/cluster/wal-garbage.ts";
import type { ReferencedEpoch } from "../../core/coordinator.ts";
import { walKey } from "../../core/wal/key.ts";
import type { RowChange } from "../../core/cluster/controller-rows.ts";
import type { SimulatedBroker } from "./broker.ts";
import type { SimulatedLeader } from "./leader.ts";
import { Life, type Network } from "./network.ts";
import type { Planted } from "./plants.ts";
import type { SimulatedStore } from "./store.ts";
import type { World } from "./world.ts";

export interface CollectorOptions {
  readonly network: Network;
  readonly store: SimulatedStore;
  readonly leaders: readonly SimulatedLeader[];
  readonly brokers: readonly SimulatedBroker[];
  readonly brokerEpochs: Map<number, number>;
  readonly graceMs: number;
  readonly plant: Planted;
}

const retryMs = 200;

export class SimulatedCollector {
  readonly life = new Life();
  readonly #world: World;
  readonly #options: CollectorOptions;
  /** What a crash leaves. */
  #row: string | null = null;
  #garbage: WalGarbage;
  #working = false;
  #plannedFor: number | undefined;

  constructor(world: World, options: CollectorOptions) {
    this.#world = world;
    this.#options = options;
    this.#garbage = this.#load();
  }

  #load(): WalGarbage {
    const garbage = new WalGarbage(this.#options.graceMs);
    if (this.#row !== null) garbage.load(this.#row);
    return garbage;
  }

  kill(): void {
    this.#world.log("the collector dies");
    this.life.die();
  }

  start(): void {
    this.life.start();
    this.#garbage = this.#load();
    this.#working = false;
    this.#plannedFor = undefined;
    this.#plan();
  }

  get idle(): boolean {
    return !this.#working && this.#garbage.dueMs(this.#world.now) === undefined;
  }

  /** Objects were let go, or a broker has a new epoch. */
  ask(answer: () => void): void {
    this.#persist(this.#garbage.ask());
    answer();
    this.#plan();
  }

  #persist(rows: readonly RowChange[]): void {
    for (const { value } of rows) this.#row = value;
  }

  #plan(delayMs = 0): void {
    const due = this.#garbage.dueMs(this.#world.now);
    if (this.#working || due === undefined) return;
    const at = Math.max(due, this.#world.now + delayMs);
    if (this.#plannedFor !== undefined && this.#plannedFor <= at && this.#plannedFor > this.#world.now) return;
    this.#plannedFor = at;
    this.#world.after(
      at - this.#world.now,
      "the collector looks",
      this.life.bind(() => {
        if (this.#plannedFor === at) this.#plannedFor = undefined;
        this.#step();
      }),
    );
  }

  #step(): void {
    const due = this.#garbage.dueMs(this.#world.now);
    if (this.#working || due === undefined || due > this.#world.now) return this.#plan();
    this.#working = true;
    const [range] = this.#garbage.due(this.#world.now);
    if (range === undefined) this.#survey();
    else this.#delete(range);
  }

  #done(failed: boolean): void {
    this.#working = false;
    this.#plan(failed ? retryMs : 0);
  }

  /** Every answer or none, in the order of the calls; `missing` where there was none. */
  #all<Callee extends { readonly life: Life }, Answer>(
    what: string,
    callees: readonly Callee[],
    serve: (callee: Callee, answer: (value: Answer) => void) => void,
    done: (answers: readonly (Answer | undefined)[]) => void,
  ): void {
    const answers: (Answer | undefined)[] = callees.map(() => undefined);
    let left = callees.length;
    const came = (): void => {
      left -= 1;
      if (left === 0) done(answers);
    };
    if (left === 0) return done(answers);
    for (const [index, callee] of callees.entries()) {
      this.#options.network.call<Answer>(
        `the collector ${what} ${index}`,
        this.life,
        callee.life,
        (answer) => serve(callee, answer),
        (value) => {
          answers[index] = value;
          came();
        },
        came,
      );
    }
  }

  #survey(): void {
    const { brokers, brokerEpochs, plant } = this.#options;
    const asked = brokers.filter(({ brokerId }) => brokerEpochs.has(brokerId));
    this.#all<SimulatedBroker, BrokerFloor>(
      "asks broker",
      asked,
      (broker, answer) => answer(broker.floor),
      (answers) => {
        const floors = answers.flatMap((floor) => (floor === undefined ? [] : [floor]));
        const raised = this.#garbage.silent(brokerEpochs, floors);
        for (const brokerId of raised) brokerEpochs.set(brokerId, brokerEpochs.get(brokerId)! + 1);
        this.#askCells(this.#garbage.survey(new Map(brokerEpochs), floors, raised), plant.is("collect-without-fence"));
      },
    );
  }

  #askCells(survey: Survey, unfenced: boolean): void {
    this.#all<SimulatedLeader, readonly ReferencedEpoch[]>(
      "asks cell",
      this.#options.leaders,
      (leader, answer) => leader.collect(unfenced ? [] : survey.fences, answer),
      (answers) => {
        if (answers.includes(undefined)) {
          this.#garbage.surveyFailed();
          return this.#done(true);
        }
        const referenced = this.#options.plant.is("collect-one-cell") ? answers[0]! : answers.flatMap((answer) => answer!);
        this.#persist(this.#garbage.surveyed(survey, referenced, this.#world.now));
        this.#done(false);
      },
    );
  }

  #delete(range: DoomedRange): void {
    const { store, plant } = this.#options;
    const { brokerId, brokerEpoch, from, below } = range;
    const prefix = walKey({ brokerId, brokerEpoch, sequence: 0 }).slice(0, -1);
    // A list sees what rests at this moment, as R2's does.
    const keys =
      below === null
        ? [...store.objects.keys()].filter((key) => key.startsWith(prefix))
        : Array.from({ length: below - from }, (_, index) => walKey({ brokerId, brokerEpoch, sequence: from + index }));
    const gone = (): void => {
      this.#persist(this.#garbage.deleted(range, below));
      this.#done(false);
    };
    if (plant.is("forget-to-delete")) gone();
    else store.delete(this.life, keys, gone, () => this.#done(true));
  }
}
