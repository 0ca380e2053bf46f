/**
 * Carries a drain out for a leader (D4): reads the rows of the plan, puts the object, lets the core decide what of it still holds. One at
 * a time, begun by a commit and by nothing else, so an idle cell has no timer. Output gates hold the PUT until the rows it is made of
 * are durable: a key never names two states.
 */
import type { Cell, JournalRow } from "../core/cell/cell.ts";
import { DrainPace, mergedObject } from "../core/cell/drain.ts";
import { operatingErrorKind } from "../core/operating-error.ts";
import { kernel } from "../kernel/kernel.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface DrainHost {
  readonly cell: Cell;
  readonly log: Log;
  readonly metrics: Metrics;
  store(): ObjectStore;
  /** The inline bytes of these rows, by row. */
  readRows(rows: readonly number[]): ReadonlyMap<number, Uint8Array>;
  /** Applies and writes. */
  append(row: JournalRow): void;
}

export class Drain {
  readonly #host: DrainHost;
  readonly #pace = new DrainPace();
  #running = false;

  constructor(host: DrainHost) {
    this.#host = host;
  }

  /** After every commit. Undefined: there is nothing to wait for. */
  afterCommit(): Promise<void> | undefined {
    if (this.#running || !this.#host.cell.isDrainDue || !this.#pace.begins()) return undefined;
    this.#running = true;
    return this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (await this.#drainOne());
      this.#pace.succeeded();
    } catch (error) {
      const failures = this.#pace.failed();
      this.#host.metrics.count("kante_drain_failures_total");
      this.#host.log.warn("drain-failed", { failures, kind: operatingErrorKind(error), error });
    } finally {
      this.#running = false;
    }
  }

  /** False when there was nothing to drain. */
  async #drainOne(): Promise<boolean> {
    const { cell, log, metrics } = this.#host;
    const plan = cell.planDrain();
    if (plan === undefined) return false;
    const rows = this.#host.readRows(plan.rows);
    const object = mergedObject(plan, (row) => rows.get(row)!, kernel);
    const began = Date.now();
    await this.#host.store().put(plan.key, object);
    metrics.observe("kante_object_put_seconds", Date.now() - began);
    metrics.count("kante_object_puts_total");
    metrics.count("kante_object_put_bytes_total", object.byteLength);
    const row = cell.decideDrain(plan, Date.now());
    if (row !== undefined) this.#host.append(row);
    metrics.count("kante_drains_total");
    metrics.count("kante_drained_bytes_total", object.byteLength);
    log.info("drained", { key: plan.key, bytes: object.byteLength, rows: plan.rows.length, extents: plan.extents.length });
    return true;
  }
}
