/**
 * One virtual cluster's controller: rows in, decisions by core/cluster, rows out, then the calls to leaders. It sleeps unless
 * asked; an alarm stands only while a leader has still to hear of something, so that a crash half-way is not the end of it.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  ClusterSnapshot,
  ConfigAlteration,
  ConfiguredResource,
  ControllerClient,
  NewPartitions,
  NewTopic,
  Outcome,
  TopicOutcome,
} from "../core/cluster/controller-client.ts";
import type { TopicEntry } from "../core/cluster/catalog.ts";
import type { Row, RowChange } from "../core/cluster/controller-rows.ts";
import { ControllerMachine, firstRows } from "../core/cluster/controller.ts";
import type { Decision, LeaderCall, TopicDecision } from "../core/cluster/controller.ts";
import { base64Url, isUsableId } from "../core/cluster/ids.ts";
import type { OutboxCall } from "../core/cluster/outbox.ts";
import type { TopicId } from "../core/coordinator.ts";
import type { QuotaAlteration, QuotaOutcome } from "../core/quota/quota-table.ts";
import type { Settings } from "../core/settings.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import { AlarmClock } from "./alarm-clock.ts";
import type { WalFloor } from "./broker.ts";
import { brokerStub } from "./broker-stub.ts";
import { recoverCluster, type RecoverOptions, type Recovery } from "./cluster-recovery.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import { CountedSql } from "./counted-sql.ts";
import { settingsOf } from "./env.ts";
import type { Env } from "./env.ts";
import type { LeaderRpc } from "./leader.ts";
import { Log } from "./log.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { mergerOf } from "./merger-client.ts";
import { brokerNameOf, clusterOf, leaderName, transactionName } from "./names.ts";
import { reconcile, type Reconciliation } from "./reconciler.ts";
import { openStore } from "./stores.ts";
import { WalCollector } from "./wal-collector.ts";

/** How long a client waits for the leaders before it hears that they are slow; the outbox goes on. */
const settleMsMax = 10_000;
/** When to look again if this object dies with calls in flight. */
const watchMs = 5000;

export class Controller extends DurableObject<Env> implements ControllerClient {
  readonly #settings: Settings;
  #started: ControllerMachine | undefined;
  readonly #cost = new CostMeter(this);
  readonly #sql: CountedSql;
  readonly #cluster: string;
  readonly #log: Log;
  readonly #alarms: AlarmClock;
  #collecting: WalCollector | undefined;
  /** Those who wait for topics to settle; asked again after every answer of a leader. */
  readonly #waiting = new Set<() => void>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#settings = settingsOf(env);
    this.#sql = new CountedSql(ctx.storage.sql, this.#cost);
    this.#cluster = clusterOf(ctx.id.name ?? "");
    this.#log = new Log(this.#settings["log.level"], { object: ctx.id.name });
    this.#alarms = new AlarmClock({
      storage: ctx.storage,
      log: this.#log,
      now: () => Date.now(),
      onSet: () => this.#cost.rowsWritten(1),
    });
    this.#alarms.add({ name: "outbox", dueMs: (nowMs) => this.#outboxDueMs(nowMs), run: () => this.#callLeaders() });
    this.#alarms.add({
      name: "wal-garbage",
      dueMs: (nowMs) => this.#started?.walGarbage.dueMs(nowMs),
      run: async (nowMs) => {
        await this.#collector.step(nowMs);
        await this.#reconcileNowAndThen(nowMs);
      },
    });
  }

  get #exists(): boolean {
    return this.#sql.exec("SELECT name FROM sqlite_master WHERE name = 'state'").length > 0;
  }

  /** A cluster begins with the first question that is more than curiosity. */
  get #machine(): ControllerMachine {
    return (this.#started ??= this.#start());
  }

  #start(): ControllerMachine {
    if (!this.#exists) {
      this.#sql.exec("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
      this.#persist(firstRows(base64Url(crypto.getRandomValues(new Uint8Array(16)))));
    }
    return new ControllerMachine(this.#rows(), this.#settings);
  }

  #rows(): Row[] {
    const rows = this.#sql.exec<{ key: string; value: string }>("SELECT key, value FROM state");
    return rows.map(({ key, value }) => [key, value]);
  }

  /** One transaction: there is no await between these writes. The machine knows them already, so they are written or it starts anew. */
  #persist(changes: readonly RowChange[]): void {
    try {
      for (const { key, value } of changes) {
        if (value === null) this.#sql.exec("DELETE FROM state WHERE key = ?", key);
        else this.#sql.exec("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", key, value);
      }
    } catch (error) {
      this.#log.error("controller-broken", { rows: changes.map(({ key }) => key), error });
      this.ctx.abort("a change of the cluster could not be written");
      throw error;
    }
  }

  #decided<T>({ result, rows }: Decision<T>): T {
    this.#persist(rows);
    if (this.#machine.outboxSize > 0) this.#callLeaders();
    this.#alarms.arm();
    return result;
  }

  /** Undefined: there is no such cluster, and asking does not make one. */
  async metrics(): Promise<MetricsSnapshot | undefined> {
    if (!this.#exists) return undefined;
    return this.#cost.snapshot({ rowBytes: this.#sql.databaseSize });
  }

  /** A topic by its name; undefined when there is none, or no such cluster, and asking makes neither. */
  async topic(name: string): Promise<TopicEntry | undefined> {
    return this.#exists ? this.#machine.topic(name) : undefined;
  }

  async snapshot(knownVersion: number): Promise<ClusterSnapshot | undefined> {
    return this.#machine.snapshot(knownVersion);
  }

  async registerBroker(brokerId: number): Promise<{ readonly brokerEpoch: number }> {
    return this.#decided(this.#machine.registerBroker(brokerId));
  }

  async allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }> {
    return this.#decided(this.#machine.allocateProducerIds());
  }

  async registerGroup(groupId: string): Promise<void> {
    this.#decided(this.#machine.registerGroup(groupId));
  }

  async unregisterGroup(groupId: string): Promise<void> {
    this.#decided(this.#machine.unregisterGroup(groupId));
  }

  async groups(): Promise<readonly string[]> {
    return this.#machine.groups();
  }

  async registerTransaction(transactionalId: string): Promise<void> {
    this.#decided(this.#machine.registerTransaction(transactionalId));
  }

  async unregisterTransaction(transactionalId: string): Promise<void> {
    this.#decided(this.#machine.unregisterTransaction(transactionalId));
  }

  async transactions(): Promise<readonly string[]> {
    return this.#machine.transactions();
  }

  async createTopics(topics: readonly NewTopic[], validateOnly: boolean): Promise<readonly TopicOutcome[]> {
    if (validateOnly) return this.#machine.validateTopics(topics);
    const decisions = this.#decided(this.#machine.createTopics(topics, topics.map(newTopicId)));
    // A topic that somebody else is creating at this moment exists for whoever hears so, visibly.
    await this.#settled([...topicIds(decisions), ...topics.map(({ name }) => this.#machine.topicIdOf(name))]);
    return decisions.map((decision) => this.#machine.outcome(decision));
  }

  async deleteTopics(ids: readonly TopicId[]): Promise<readonly Outcome[]> {
    return this.#decided(this.#machine.deleteTopics(ids));
  }

  async createPartitions(requests: readonly NewPartitions[], validateOnly: boolean): Promise<readonly Outcome[]> {
    const decisions = this.#decided(this.#machine.createPartitions(requests, validateOnly));
    if (!validateOnly) await this.#settled(topicIds(decisions));
    return decisions.map((decision) => {
      const outcome = validateOnly ? decision : this.#machine.outcome(decision);
      return { errorCode: outcome.errorCode, errorMessage: "errorMessage" in outcome ? outcome.errorMessage : null };
    });
  }

  async alterConfigs(alterations: readonly ConfigAlteration[], validateOnly: boolean): Promise<readonly Outcome[]> {
    const outcomes = this.#decided(this.#machine.alterConfigs(alterations, validateOnly));
    await this.#settled(alterations.map(({ name }) => this.#machine.topicIdOf(name)));
    return outcomes;
  }

  async alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean): Promise<readonly QuotaOutcome[]> {
    return this.#decided(this.#machine.alterClientQuotas(alterations, validateOnly));
  }

  async configuredResources(): Promise<readonly ConfiguredResource[]> {
    return this.#machine.configuredResources();
  }

  /** Resolves when no leader is left to tell of these topics, or when the client has waited long enough. */
  async #settled(ids: readonly (TopicId | undefined)[]): Promise<void> {
    const isSettled = () => ids.every((id) => id === undefined || this.#machine.isSettled(id));
    if (isSettled()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (isSettled()) resolve();
    };
    const timer = setTimeout(resolve, settleMsMax);
    this.#waiting.add(look);
    await promise;
    this.#waiting.delete(look);
    clearTimeout(timer);
  }

  #callLeaders(): void {
    for (const taken of this.#machine.takeCalls(Date.now())) this.ctx.waitUntil(this.#call(taken));
  }

  async #call(taken: OutboxCall & { readonly call: LeaderCall }): Promise<void> {
    try {
      const leader = this.#leader(taken.cell);
      if (taken.call.kind === "create") {
        const { partitions, settings, fences, ledBefore, hasLed } = taken.call;
        await leader.createPartitions(partitions, settings, fences, ledBefore, hasLed);
        this.#persist(this.#machine.callAnswered(taken));
      } else this.#persist(this.#machine.callAnswered(taken, await leader.deletePartitions(taken.call.topicId)));
    } catch (error) {
      this.#log.warn("leader-call-failed", { cell: taken.cell, topicId: taken.topicId, error });
      this.#machine.callFailed(taken, Date.now());
    }
    for (const look of this.#waiting) look();
    this.#callLeaders();
    this.#alarms.arm();
  }

  /** A fresh stub each time: one whose object was reset stays broken. */
  #leader(
    cell: number,
  ): Pick<LeaderRpc, "createPartitions" | "deletePartitions" | "collect" | "holds" | "describePartitions" | "takeOver"> {
    const id = this.env.LEADER.idFromName(leaderName(this.#cluster, cell));
    return this.env.LEADER.get(id) as unknown as LeaderRpc;
  }

  /** While calls are in flight this object may die with them. */
  #outboxDueMs(nowMs: number): number | undefined {
    if (this.#started === undefined || this.#started.outboxSize === 0) return undefined;
    return this.#started.nextDeadline() ?? nowMs + watchMs;
  }

  /** A leader has let go of write-ahead objects. */
  async objectsReleased(): Promise<void> {
    this.#decided({ result: undefined, rows: this.#machine.walGarbage.ask() });
  }

  /** Undefined: there is no such cluster. Removes orphans only when told to. */
  async reconcile(remove: boolean): Promise<Reconciliation | undefined> {
    if (!this.#exists) return undefined;
    const collector = this.#collector;
    const result = await collector.alone(() =>
      reconcile(
        {
          cells: this.#machine.cells(),
          store: () => openStore(this.env, this.#cluster, this.#cost.count),
          leader: (cell) => this.#leader(cell),
          survey: () => collector.survey(),
        },
        remove,
        Date.now(),
      ),
    );
    this.#cost.metrics.count("kante_objects_deleted_total", result.removed);
    this.#persist(this.#machine.reconciled(Date.now()));
    this.#log.info("reconciled", { ...result, keys: result.keys.slice(0, 5) });
    this.#alarms.arm();
    return result;
  }

  /** Undefined: there is no such cluster. */
  async recover(options: RecoverOptions): Promise<Recovery | undefined> {
    if (!this.#exists) return undefined;
    const recovery = await this.#collector.alone(() =>
      recoverCluster(
        {
          machine: this.#machine,
          producerExpirationMs: this.#settings["producer.id.expiration.ms"],
          leader: (cell) => this.#leader(cell),
          rebuild: async (request, put) => await mergerOf(this.env, this.#cluster, request.newCell).recover(request, put),
          describeTransaction: async (id) =>
            await (this.env.TRANSACTION.getByName(transactionName(this.#cluster, id)) as unknown as TransactionClient).describe(),
          persist: (rows) => this.#persist(rows),
        },
        options,
      ),
    );
    for (const { partitions, ...cell } of recovery.recovered)
      this.#log.warn("cell-recovered", { ...cell, partitions: partitions.length });
    this.#callLeaders();
    this.#alarms.arm();
    return recovery;
  }

  async #reconcileNowAndThen(nowMs: number): Promise<void> {
    if (!this.#machine.hasReconciled) this.#persist(this.#machine.reconciled(nowMs));
    else if (this.#machine.isReconciliationDue(nowMs)) await this.reconcile(true);
  }

  get #collector(): WalCollector {
    return (this.#collecting ??= new WalCollector({
      machine: this.#machine,
      log: this.#log,
      store: () => openStore(this.env, this.#cluster, this.#cost.count),
      persist: (rows) => this.#persist(rows),
      leader: (cell) => this.#leader(cell),
      floor: async (nodeId) => await this.#brokerFloor(nodeId),
      deleted: (objects) => this.#cost.metrics.count("kante_objects_deleted_total", objects),
    }));
  }

  async #brokerFloor(nodeId: number): Promise<WalFloor> {
    const name = brokerNameOf(this.#cluster, this.#settings, nodeId);
    return await (brokerStub(this.env, name) as unknown as { walFloor(): Promise<WalFloor> }).walFloor();
  }

  override async alarm(): Promise<void> {
    if (!this.#exists) return;
    // What is due follows from the rows.
    void this.#machine;
    await this.#alarms.ring();
  }
}

meterCalls(Controller);

function newTopicId(): TopicId {
  let id = crypto.randomUUID();
  while (!isUsableId(id)) id = crypto.randomUUID();
  return id;
}

function topicIds(decisions: readonly TopicDecision[]): TopicId[] {
  return decisions.flatMap((decision) => ("topicId" in decision ? [decision.topicId] : []));
}
