/**
 * Runs the broker's machine: tells it events, carries its effects out against the object store, the leaders and the controller, and
 * keeps its one timer, which is armed only while something depends on the clock (D3). It decides nothing; an exception out of the
 * machine is a bug, after which the whole object must start anew.
 */
import type { BrokerEffect, BrokerEvent, BrokerMachine } from "../core/broker/machine.ts";
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "../core/broker/interface.ts";
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { BatchCoordinator, Extent } from "../core/coordinator.ts";
import { OperatingError } from "../core/operating-error.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { ReadLedger } from "./request-services.ts";

/** A call without an answer is given up after this long: the machine decides whether to repeat it. */
const callTimeoutMs = 30_000;

export interface BrokerRunnerOptions {
  readonly machine: Pick<BrokerMachine, "handle" | "tick" | "nextDeadline" | "acceptsRequests" | "throttleMs">;
  readonly store: ObjectStore;
  readonly brokerId: number;
  readonly controller: Pick<ControllerClient, "registerBroker">;
  readonly coordinator: (cell: number) => Pick<BatchCoordinator, "commit" | "findBatches" | "follow">;
  /** Memory has come free: requests that waited may begin. */
  readonly onAccepts: () => void;
  readonly onBug: (error: unknown) => void;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

interface OpenCall {
  readonly startedMs: number;
  readonly giveUp: () => void;
}

export class BrokerRunner implements ReadLedger {
  readonly #options: BrokerRunnerOptions;
  readonly #appends = new Map<number, (outcomes: readonly AppendOutcome[]) => void>();
  readonly #reads = new Map<number, (outcomes: readonly ReadOutcome[]) => void>();
  readonly #extents = new Map<number, PromiseWithResolvers<Uint8Array>>();
  #nextId = 1;
  #now = 0;
  #accepted = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDue = Infinity;
  /** In the order in which they are given up. */
  readonly #calls = new Set<OpenCall>();

  constructor(options: BrokerRunnerOptions) {
    this.#options = options;
  }

  get acceptsRequests(): boolean {
    return this.#options.machine.acceptsRequests;
  }

  get throttleMs(): number {
    return this.#options.machine.throttleMs;
  }

  append(items: readonly AppendItem[]): Promise<readonly AppendOutcome[]> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<readonly AppendOutcome[]>();
    this.#appends.set(id, resolve);
    this.#tell({ kind: "append", id, items });
    return promise;
  }

  beginRead(request: ReadRequest): { readonly id: number; readonly outcomes: Promise<readonly ReadOutcome[]> } {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<readonly ReadOutcome[]>();
    this.#reads.set(id, resolve);
    this.#tell({ kind: "read", id, request });
    return { id, outcomes: promise };
  }

  cancelRead(id: number): void {
    if (this.#reads.delete(id)) this.#tell({ kind: "read-cancelled", id });
  }

  releaseRead(id: number): void {
    this.#tell({ kind: "read-released", id });
  }

  readExtent(extent: Extent): Promise<Uint8Array> {
    const id = this.#nextId++;
    const pending = Promise.withResolvers<Uint8Array>();
    this.#extents.set(id, pending);
    this.#tell({ kind: "read-extent", id, extent });
    return pending.promise;
  }

  /** The machine's clock never goes backwards, whatever the platform's does. */
  #clock(): number {
    this.#now = Math.max(this.#now, this.#options.now());
    return this.#now;
  }

  #tell(event: BrokerEvent): void {
    this.#run(() => this.#options.machine.handle(event, this.#clock()));
  }

  #run(decide: () => readonly BrokerEffect[]): void {
    try {
      for (const effect of decide()) this.#perform(effect);
      this.#arm();
    } catch (error) {
      this.#options.onBug(error);
      return;
    }
    const accepts = this.#options.machine.acceptsRequests;
    const opened = accepts && !this.#accepted;
    this.#accepted = accepts;
    if (opened) this.#options.onAccepts();
  }

  #nextDeadline(): number | undefined {
    const due = this.#options.machine.nextDeadline();
    for (const { startedMs } of this.#calls) return Math.min(due ?? Infinity, startedMs + callTimeoutMs);
    return due;
  }

  #arm(): void {
    const due = this.#nextDeadline();
    // A timer that fires too early does no harm, so it is moved only when it would fire too late.
    if (due !== undefined && due >= this.#timerDue) return;
    if (due === undefined && this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDue = Infinity;
    if (due === undefined) return;
    this.#timerDue = due;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#timerDue = Infinity;
        for (const call of this.#calls) {
          if (this.#clock() < call.startedMs + callTimeoutMs) break;
          call.giveUp();
        }
        this.#run(() => this.#options.machine.tick(this.#clock()));
      },
      Math.max(1, Math.ceil(due - this.#clock())),
    );
  }

  #perform(effect: BrokerEffect): void {
    const { store, controller, brokerId, coordinator, metrics } = this.#options;
    switch (effect.kind) {
      case "append-done":
        take(this.#appends, effect.id)?.(effect.outcomes);
        return;
      case "read-done":
        take(this.#reads, effect.id)?.(effect.outcomes);
        return;
      case "extent-done":
        this.#settleExtent(effect.id, effect.errorCode, effect.bytes);
        return;
      case "register":
        this.#call(
          controller.registerBroker(brokerId),
          ({ brokerEpoch }) => ({ kind: "registered", brokerEpoch }),
          (message) => ({ kind: "register-failed", message }),
        );
        return;
      case "put":
        metrics.count("kante_object_puts_total");
        metrics.count("kante_object_put_bytes_total", effect.bytes.byteLength);
        this.#call(
          store.put(effect.key, effect.bytes),
          () => ({ kind: "put-done", id: effect.id }),
          (message) => ({ kind: "put-failed", id: effect.id, message }),
          "kante_object_put_seconds",
        );
        return;
      case "get":
        metrics.count("kante_object_gets_total");
        this.#call(
          store.get(effect.key, { start: effect.start, length: effect.length }),
          (bytes) => {
            metrics.count("kante_object_get_bytes_total", bytes?.byteLength ?? 0);
            return { kind: "get-done", id: effect.id, bytes };
          },
          (message) => ({ kind: "get-failed", id: effect.id, message }),
          "kante_object_get_seconds",
        );
        return;
      case "commit":
        metrics.count(`kante_commits_total{way="${effect.request.source.kind}"}`);
        this.#call(
          coordinator(effect.cell).commit(effect.request),
          (reply) => ({ kind: "commit-reply", id: effect.id, reply }),
          (message) => ({ kind: "commit-failed", id: effect.id, message }),
          "kante_commit_seconds",
        );
        return;
      case "find":
        metrics.count("kante_finds_total");
        this.#call(
          coordinator(effect.cell).findBatches(effect.requests),
          (reply) => ({ kind: "find-reply", id: effect.id, reply }),
          (message) => ({ kind: "find-failed", id: effect.id, message }),
        );
        return;
      case "follow":
        metrics.count("kante_follows_total");
        this.#call(
          coordinator(effect.cell).follow(effect.cursor, effect.maxWaitMs),
          (reply) => ({ kind: "follow-reply", id: effect.id, reply }),
          (message) => ({ kind: "follow-failed", id: effect.id, message }),
        );
        return;
      case "unfollow":
        // The call ends by itself after its longest wait, and its answer is ignored.
        return;
      case "log":
        this.#options.log.write(effect.level, effect.event, effect.fields);
        return;
    }
  }

  /** Starts a call's answer on its way back to the machine, and gives it up when it takes too long. */
  #call<Answer>(
    answer: Promise<Answer>,
    onAnswer: (answer: Answer) => BrokerEvent,
    onFailure: (message: string) => BrokerEvent,
    durationSeries?: string,
  ): void {
    const startedMs = this.#clock();
    const settle = (event: () => BrokerEvent): void => {
      if (!this.#calls.delete(call)) return;
      if (durationSeries !== undefined) this.#options.metrics.observe(durationSeries, this.#clock() - startedMs);
      this.#tell(event());
    };
    const call = { startedMs, giveUp: () => settle(() => onFailure(`no answer in ${callTimeoutMs} ms`)) };
    this.#calls.add(call);
    answer.then(
      (value) => settle(() => onAnswer(value)),
      (error: unknown) => settle(() => onFailure(error instanceof Error ? error.message : String(error))),
    );
  }

  #settleExtent(id: number, errorCode: number, bytes: Uint8Array | undefined): void {
    const pending = take(this.#extents, id);
    if (bytes === undefined) pending?.reject(new OperatingError("retry", `an extent could not be read: Kafka error ${errorCode}`));
    else pending?.resolve(bytes);
  }
}

function take<Value>(map: Map<number, Value>, id: number): Value | undefined {
  const value = map.get(id);
  map.delete(id);
  return value;
}
