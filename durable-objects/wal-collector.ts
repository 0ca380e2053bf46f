/**
 * Carries the deletion of write-ahead objects out for a controller (D12): asks brokers and cells, then deletes what
 * core/cluster/wal-garbage.ts found. Each step is one ring of the controller's alarm; whatever fails is begun again.
 */
import { walKey } from "../core/wal/key.ts";
import type { ControllerMachine } from "../core/cluster/controller.ts";
import type { RowChange } from "../core/cluster/controller-rows.ts";
import type { BrokerFloor, DoomedRange, Survey } from "../core/cluster/wal-garbage.ts";
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Log } from "./log.ts";

/** In one ring, so that the controller has time for others: three deletes' worth. */
const keysPerStep = 3000;
const keysPerDelete = 1000;

export interface WalCollectorHost {
  readonly machine: ControllerMachine;
  readonly log: Log;
  store(): ObjectStore;
  readonly persist: (rows: readonly RowChange[]) => void;
  leader(cell: number): Pick<BatchCoordinator, "collect">;
  /** What a broker says of itself. */
  readonly floor: (nodeId: number) => Promise<Omit<BrokerFloor, "brokerId">>;
  deleted(objects: number): void;
}

export class WalCollector {
  readonly #host: WalCollectorHost;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(host: WalCollectorHost) {
    this.#host = host;
  }

  /** One ring's work. */
  async step(nowMs: number): Promise<void> {
    await this.alone(() => this.#step(nowMs));
  }

  /** Rounds and reconciliations wait for each other: both ask everybody, and both delete. */
  async alone<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  async #step(nowMs: number): Promise<void> {
    const [range] = this.#host.machine.walGarbage.due(nowMs);
    if (range === undefined) await this.survey();
    else await this.#delete(nowMs);
  }

  /** Every broker has been asked, every cell refuses what is over, and what is dispensable is known. */
  async survey(): Promise<Survey> {
    const { machine, log, persist } = this.#host;
    const garbage = machine.walGarbage;
    const floors = await this.#floors();
    const raised = garbage.silent(machine.brokerEpochs(), floors);
    if (raised.length > 0) persist(machine.raiseEpochs(raised));
    const survey = garbage.survey(machine.brokerEpochs(), floors, raised);
    try {
      const referenced = await Promise.all(
        machine.cells().map(async (cell) => await this.#host.leader(cell).collect(survey.fences, machine.led(cell))),
      );
      persist(garbage.surveyed(survey, referenced.flat(), Date.now()));
    } catch (error) {
      garbage.surveyFailed();
      throw error;
    }
    log.info("wal-surveyed", { brokers: floors.length, cells: machine.cells().length });
    return survey;
  }

  /** A broker that does not answer keeps the objects of its newest epoch, and nobody else's. */
  async #floors(): Promise<BrokerFloor[]> {
    const { machine, floor } = this.#host;
    const asked = [...machine.brokerEpochs().keys()].map(async (brokerId) => ({ brokerId, ...(await floor(brokerId)) }));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  async #delete(nowMs: number): Promise<void> {
    const { machine, persist } = this.#host;
    for (let left = keysPerStep; left > 0;) {
      const [range] = machine.walGarbage.due(nowMs);
      if (range === undefined) return;
      if (range.below === null) {
        const { found, all } = await this.#deleteListed(range, left);
        if (!all) return;
        left -= Math.max(1, found);
        persist(machine.walGarbage.deleted(range, null));
      } else {
        const below = Math.min(range.below, range.from + left);
        await this.#deleteKeys(range, below);
        left -= Math.max(1, below - range.from);
        persist(machine.walGarbage.deleted(range, below));
      }
    }
  }

  async #deleteKeys({ brokerId, brokerEpoch, from }: DoomedRange, below: number): Promise<void> {
    for (let first = from; first < below; first += keysPerDelete) {
      const count = Math.min(keysPerDelete, below - first);
      const keys = Array.from({ length: count }, (_, index) => walKey({ brokerId, brokerEpoch, sequence: first + index }));
      await this.#host.store().delete(keys);
      this.#host.deleted(keys.length);
    }
  }

  /** How many there may be of an epoch that is over nobody knows. */
  async #deleteListed(
    { brokerId, brokerEpoch }: DoomedRange,
    max: number,
  ): Promise<{ readonly found: number; readonly all: boolean }> {
    const prefix = walKey({ brokerId, brokerEpoch, sequence: 0 }).slice(0, -1);
    for (let found = 0; ;) {
      const { objects, next } = await this.#host.store().list(prefix);
      await this.#host.store().delete(objects.map(({ key }) => key));
      this.#host.deleted(objects.length);
      found += objects.length;
      if (next === undefined || found >= max) return { found, all: next === undefined };
    }
  }
}
