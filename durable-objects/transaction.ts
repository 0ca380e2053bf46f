/**
 * One transactional id's coordinator: its row in, decisions by core/transaction, the row out, then answers and calls to those who hold
 * a part of the transaction. It holds a timer while somebody is called or waits and for a second after the last transaction, and one
 * alarm: for the time-out of an open transaction, in case it is evicted while it ends one, or for the day on which the id is forgotten.
 */
import { DurableObject } from "cloudflare:workers";
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { GroupClient } from "../core/group/group-client.ts";
import type { AdmissionReply, AdmissionRequest } from "../core/transaction/admission.ts";
import { isHeard, markerRequest } from "../core/transaction/end-calls.ts";
import type { EndCall, TransactionEffect, TransactionRequest } from "../core/transaction/events.ts";
import { TransactionMachine } from "../core/transaction/machine.ts";
import type {
  EndRequest,
  InitProducerIdRequest,
  ProducerIdAnswer,
  TransactionDescription,
  TransactionListing,
} from "../core/transaction/requests.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import { controllerClient } from "./controller-client.ts";
import { EarliestTimer } from "./earliest-timer.ts";
import { settingsOf, type Env } from "./env.ts";
import { Listing } from "./listing.ts";
import { Log } from "./log.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import { CountedSql } from "./counted-sql.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { clusterOf, groupName, leaderName, tailOf } from "./names.ts";
import { TransactionRow } from "./transaction-row.ts";
import { withinTime } from "./within-time.ts";

/** A leader or group that does not answer is called anew. */
const callMsMax = 10_000;

export class Transaction extends DurableObject<Env> implements TransactionClient {
  readonly #cost = new CostMeter(this);
  readonly #transactionalId: string;
  readonly #cluster: string;
  readonly #log: Log;
  readonly #row: TransactionRow;
  readonly #machine: TransactionMachine;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextRequestId = 1;
  readonly #listing: Listing;
  readonly #timer = new EarliestTimer(() => this.#run((now) => this.#machine.tick(now)));
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    const settings = settingsOf(env);
    this.#transactionalId = tailOf(name);
    this.#cluster = clusterOf(name);
    this.#log = new Log(settings["log.level"], { object: name });
    this.#row = new TransactionRow(new CountedSql(ctx.storage.sql, this.#cost));
    const options = {
      timeoutMsMax: settings["transaction.max.timeout.ms"],
      expirationMs: settings["transactional.id.expiration.ms"],
    };
    this.#machine = TransactionMachine.restore(options, this.#row.load(), Date.now());
    const listing = {
      add: () => this.#controller().registerTransaction(this.#transactionalId),
      remove: () => this.#controller().unregisterTransaction(this.#transactionalId),
      onStillListed: (error: unknown) => this.#log.warn("transaction-still-listed", { error }),
    };
    this.#listing = new Listing(listing, this.#machine.exists);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? undefined;
      this.#run((now) => this.#machine.tick(now));
    });
  }

  async initProducerId(request: InitProducerIdRequest): Promise<ProducerIdAnswer> {
    if (request.newProducerId !== undefined) await this.#listing.add();
    return this.#ask({ kind: "init-producer-id", request });
  }

  admit(request: AdmissionRequest): Promise<AdmissionReply> {
    return this.#ask({ kind: "admit", request });
  }

  end(request: EndRequest): Promise<ProducerIdAnswer> {
    return this.#ask({ kind: "end", request });
  }

  describe(): Promise<TransactionDescription | undefined> {
    return this.#ask({ kind: "describe" });
  }

  list(): Promise<TransactionListing | undefined> {
    return this.#ask({ kind: "list" });
  }

  async metrics(): Promise<MetricsSnapshot> {
    return this.#cost.snapshot();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    this.#run((now) => this.#machine.handle({ kind: "alarm" }, now));
  }

  #ask<Answer>(request: TransactionRequest): Promise<Answer> {
    this.#cost.metrics.count(`kante_transaction_requests_total{kind="${request.kind}"}`);
    const requestId = this.#nextRequestId++;
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve as (answer: unknown) => void);
      this.#run((now) => this.#machine.handle({ ...request, requestId }, now));
    });
  }

  /** A state that could not be written must not be acted on: the object goes, and comes back from its row. */
  #run(decide: (now: number) => readonly TransactionEffect[]): void {
    try {
      const effects = decide(Date.now());
      this.#row.apply(effects);
      for (const effect of effects) this.#carryOut(effect);
      this.#arrange();
    } catch (error) {
      this.#log.error("transaction-broken", { error });
      this.ctx.abort("the transaction's machine broke");
      throw error;
    }
  }

  #carryOut(effect: TransactionEffect): void {
    if (effect.kind === "reply") {
      this.#waiting.get(effect.requestId)?.(effect.answer);
      this.#waiting.delete(effect.requestId);
    } else if (effect.kind === "call") this.ctx.waitUntil(this.#call(effect.call));
    else if (effect.kind === "wipe") this.ctx.waitUntil(this.#listing.remove());
  }

  async #call(call: EndCall): Promise<void> {
    this.#cost.metrics.count(`kante_transaction_calls_total{kind="${call.kind}"}`);
    let isDone = false;
    try {
      isDone = call.kind === "markers" ? await this.#writeMarkers(call) : await this.#completeOffsets(call);
    } catch (error) {
      this.#log.warn("end-unheard", { call: call.kind === "markers" ? call.cell : call.groupId, error });
    }
    this.#run((now) => this.#machine.handle({ kind: "call-answered", callId: call.callId, isDone }, now));
  }

  /** A fresh stub each time, here and below: one whose object was reset stays broken. */
  async #writeMarkers(call: EndCall & { readonly kind: "markers" }): Promise<boolean> {
    const leader = this.env.LEADER.getByName(leaderName(this.#cluster, call.cell)) as unknown as Pick<
      BatchCoordinator,
      "writeMarkers"
    >;
    const [answer] = await withinTime(callMsMax, () => leader.writeMarkers([markerRequest(call)]));
    const unheard = answer?.filter((errorCode) => !isHeard(errorCode)) ?? [];
    if (unheard.length > 0) this.#log.warn("markers-refused", { cell: call.cell, errors: [...new Set(unheard)] });
    return answer !== undefined && unheard.length === 0;
  }

  async #completeOffsets(call: EndCall & { readonly kind: "offsets" }): Promise<boolean> {
    const group = this.env.GROUP.getByName(groupName(this.#cluster, call.groupId)) as unknown as GroupClient;
    await withinTime(callMsMax, () => group.completeTransaction(call.end));
    return true;
  }

  #arrange(): void {
    const now = Date.now();
    const alarmAt = this.#machine.wantsAlarm(this.#alarmAt, now);
    if (alarmAt !== undefined) this.#setAlarm(alarmAt);
    this.#timer.setFor(this.#machine.nextDeadline(this.#alarmAt), now);
  }

  #setAlarm(at: number): void {
    this.#alarmAt = at;
    this.#cost.rowsWritten(1);
    void this.ctx.storage.setAlarm(at);
  }

  #controller() {
    return controllerClient(this.env, this.#cluster);
  }
}

meterCalls(Transaction);
