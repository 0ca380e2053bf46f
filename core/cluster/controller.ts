/**
 * Decides everything about a cluster's topics, ids, cells, broker epochs and producer ids. Each decision changes the state and
 * answers the rows that make it durable; the shell persists them in one transaction before anything else happens. What leaders
 * must hear goes through the outbox, and a topic shows itself to clients only when its leaders know it.
 */
import type { TopicEntry } from "./catalog.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { sameSettings, type LeaderSettings } from "../cell/partition-settings.ts";
import type { BrokerIdentity, PartitionRef, PartitionSettings, TopicId } from "../coordinator.ts";
import { QuotaTable } from "../quota/quota-table.ts";
import type { QuotaAlteration, QuotaOutcome } from "../quota/quota-table.ts";
import type { Settings } from "../settings.ts";
import { configResources, ConfigTable } from "./config-table.ts";
import type {
  ClusterSnapshot,
  ConfigAlteration,
  ConfiguredResource,
  NewPartitions,
  NewTopic,
  Outcome,
  TopicOutcome,
} from "./controller-client.ts";
import type { ClusterRow, Row, RowChange, TopicRow } from "./controller-rows.ts";
import {
  brokerKey,
  clusterKey,
  groupKey,
  lostCellsKey,
  producerIdsKey,
  putRow,
  reconciledKey,
  settingsTold,
  topicKey,
  transactionKey,
  walGarbageKey,
} from "./controller-rows.ts";
import { invalidGroupConfigs } from "./group-configs.ts";
import { zeroId } from "./ids.ts";
import { NameList } from "./name-list.ts";
import { additionalPartitions, isRefusal, partitionCount, refuse, tooManyPartitions } from "./new-topics.ts";
import type { Refusal } from "./new-topics.ts";
import { ledInstead, LostCells, placedElsewhere } from "./lost-cells.ts";
import { Outbox } from "./outbox.ts";
import type { OutboxCall } from "./outbox.ts";
import { allNodeIds, placePartitions, type CellRun } from "./placement.ts";
import type { LostPartition } from "../recover/recovered.ts";
import { invalidTopicName } from "./topic-names.ts";
import { effectiveSettings, invalidTopicConfigs, partitionSettings } from "./topic-settings.ts";
import type { TopicConfigs } from "./topic-settings.ts";
import { ledPartitions, partitionTotal, partitionsInCell, topicEntry, TopicTable } from "./topic-table.ts";
import { WalGarbage } from "./wal-garbage.ts";

const producerIdBlock = 1000;
/** A list of a thousand objects costs what a write costs. */
const reconcileMs = 7 * 86_400_000;

/** What was decided about one topic: refused, or changed and to be waited for. */
export type TopicDecision = Refusal | { readonly errorCode: 0; readonly topicId: TopicId };

export interface Decision<T> {
  readonly result: T;
  readonly rows: readonly RowChange[];
}

/** What a leader is to be told. */
export type LeaderCall =
  | {
      readonly kind: "create";
      readonly partitions: readonly PartitionRef[];
      readonly settings: PartitionSettings;
      /** The cell may be new: it must refuse what every other cell refuses (D12). */
      readonly fences: readonly BrokerIdentity[];
      /** Partitions that the cell is known to lead, and whether it ever led any. */
      readonly ledBefore: number;
      readonly hasLed: boolean;
    }
  | { readonly kind: "delete"; readonly topicId: TopicId };

/** The rows of a new cluster; `id` is random and Kafka's 22 characters. */
export function firstRows(id: string): readonly RowChange[] {
  return [putRow(clusterKey, { id, version: 1 } satisfies ClusterRow)];
}

export class ControllerMachine {
  readonly clusterId: string;
  readonly #settings: Settings;
  readonly #topics: TopicTable;
  readonly #outbox = new Outbox();
  readonly #configs = new ConfigTable();
  readonly #quotas = new QuotaTable();
  readonly #brokerEpochs = new Map<string, number>();
  readonly #groups = new NameList(groupKey);
  readonly #transactions = new NameList(transactionKey);
  readonly walGarbage: WalGarbage;
  #reconciledMs: number | undefined;
  readonly lostCells = new LostCells();
  #nextProducerId = 0;
  #version: number;

  constructor(rows: Iterable<Row>, settings: Settings) {
    this.#settings = settings;
    this.#topics = new TopicTable(this.#effective);
    this.walGarbage = new WalGarbage(settings["storage.delete.grace.ms"]);
    let cluster: ClusterRow | undefined;
    let version = 0;
    for (const [key, value] of rows) {
      if (key === clusterKey) cluster = JSON.parse(value) as ClusterRow;
      else if (key === producerIdsKey) this.#nextProducerId = JSON.parse(value) as number;
      else if (key.startsWith("broker/")) this.#brokerEpochs.set(key, JSON.parse(value) as number);
      else if (key.startsWith("topic/")) version = Math.max(version, this.#loadTopic(key.slice("topic/".length), value));
      else if (this.#groups.load(key) || this.#transactions.load(key)) continue;
      else if (key === reconciledKey) this.#reconciledMs = JSON.parse(value) as number;
      else if (key === lostCellsKey) this.lostCells.load(value);
      else if (key === walGarbageKey) this.walGarbage.load(value);
      else if (key.startsWith("quota/")) this.#quotas.load(key, value);
      else this.#configs.load(key, value);
    }
    if (cluster === undefined) throw new Error("a controller without its cluster row");
    this.clusterId = cluster.id;
    this.#version = Math.max(version, cluster.version);
  }

  readonly #effective = (configs: TopicConfigs) => effectiveSettings(configs, this.#configs.topicDefaults(), this.#settings);

  readonly #leaderSettings = (configs: TopicConfigs) => partitionSettings(configs, this.#configs.topicDefaults());

  #loadTopic(id: TopicId, value: string): number {
    const row = JSON.parse(value) as TopicRow;
    this.#topics.set(id, row);
    if (row.pending || row.told !== settingsTold) this.#tellLeaders(id, row);
    return row.version;
  }

  topic(name: string): TopicEntry | undefined {
    const id = this.#topics.idOf(name);
    return id === undefined ? undefined : this.#topics.entry(id);
  }

  snapshot(knownVersion: number): ClusterSnapshot | undefined {
    if (knownVersion === this.#version) return undefined;
    const live = [...this.#topics].filter(([, row]) => row.state === "live");
    const topics = live.map(([id]) => this.#topics.entry(id));
    topics.sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      clusterId: this.clusterId,
      version: this.#version,
      topicDefaults: this.#configs.topicDefaults(),
      brokerDefaults: this.#configs.brokerDefaults(),
      groupConfigs: this.#configs.ofGroups(),
      quotas: this.#quotas.all(),
      topics,
    };
  }

  registerBroker(nodeId: number): Decision<{ readonly brokerEpoch: number }> {
    const key = brokerKey(nodeId);
    const brokerEpoch = (this.#brokerEpochs.get(key) ?? 0) + 1;
    this.#brokerEpochs.set(key, brokerEpoch);
    // What its last epoch has left behind uncommitted nobody will ever refer to.
    const asked = brokerEpoch > 1 ? this.walGarbage.ask() : [];
    return { result: { brokerEpoch }, rows: [putRow(key, brokerEpoch), ...asked] };
  }

  /** The newest of each broker that has ever written. */
  brokerEpochs(): ReadonlyMap<number, number> {
    return new Map([...this.#brokerEpochs].map(([key, epoch]) => [Number(key.slice("broker/".length)), epoch]));
  }

  /** Epochs that no broker gets: those before are over. */
  raiseEpochs(nodeIds: readonly number[]): readonly RowChange[] {
    return nodeIds.map((nodeId) => {
      const key = brokerKey(nodeId);
      const brokerEpoch = this.#brokerEpochs.get(key)! + 1;
      this.#brokerEpochs.set(key, brokerEpoch);
      return putRow(key, brokerEpoch);
    });
  }

  /** A cluster that deletes objects looks for those it has lost sight of, now and then; the first time after one interval. */
  isReconciliationDue(nowMs: number): boolean {
    return this.#reconciledMs !== undefined && nowMs - this.#reconciledMs >= reconcileMs;
  }

  reconciled(nowMs: number): readonly RowChange[] {
    this.#reconciledMs = nowMs;
    return [putRow(reconciledKey, nowMs)];
  }

  get hasReconciled(): boolean {
    return this.#reconciledMs !== undefined;
  }

  /** Every cell that leads partitions or has not yet heard that they are deleted. */
  cells(): readonly number[] {
    return [...new Set([...this.#topics].flatMap(([, row]) => row.cells.map(([cell]) => cell)))];
  }

  /** How many partitions a cell is known to lead: it has said so. */
  led(cell: number): number {
    return this.#topics.led(cell);
  }

  /** The partitions that a cell is known to lead, as its recovery wants them (decision 11). */
  ledPartitions(cell: number): readonly LostPartition[] {
    return [...this.#topics].flatMap(([id, row]) => {
      if (row.state !== "live") return [];
      const { cleanupPolicy, retentionMs, timestampType } = this.#leaderSettings(row.configs);
      const kept = cleanupPolicy.includes("delete") ? retentionMs : -1;
      return ledPartitions(id, row, cell).map((ref) => ({ ...ref, retentionMs: kept, stamped: timestampType === "LogAppendTime" }));
    });
  }

  get unusedCell(): number {
    return Math.max(-1, ...this.cells(), ...this.lostCells.all) + 1;
  }

  moveCell(lost: number, to: number): Decision<void> {
    const rows = [...ledInstead(this.#topics, lost, to)].map(([id, row]) => this.#change(id, row));
    return { result: undefined, rows: [...rows, ...this.lostCells.add(lost)] };
  }

  allocateProducerIds(): Decision<{ readonly first: number; readonly count: number }> {
    const first = this.#nextProducerId;
    this.#nextProducerId += producerIdBlock;
    return { result: { first, count: producerIdBlock }, rows: [putRow(producerIdsKey, this.#nextProducerId)] };
  }

  registerGroup(groupId: string): Decision<void> {
    return { result: undefined, rows: this.#groups.add(groupId) };
  }

  unregisterGroup(groupId: string): Decision<void> {
    return { result: undefined, rows: this.#groups.remove(groupId) };
  }

  groups(): readonly string[] {
    return this.#groups.all();
  }

  registerTransaction(transactionalId: string): Decision<void> {
    return { result: undefined, rows: this.#transactions.add(transactionalId) };
  }

  unregisterTransaction(transactionalId: string): Decision<void> {
    return { result: undefined, rows: this.#transactions.remove(transactionalId) };
  }

  transactions(): readonly string[] {
    return this.#transactions.all();
  }

  /** `newIds` has a random id for each topic. */
  createTopics(topics: readonly NewTopic[], newIds: readonly TopicId[]): Decision<readonly TopicDecision[]> {
    const excess = tooManyPartitions(topics, this.#settings["num.partitions"]);
    if (excess !== undefined) return { result: topics.map(() => excess), rows: [] };
    const rows: RowChange[] = [];
    const result = topics.map((topic, index): TopicDecision => {
      const row = this.#newTopic(topic);
      if (isTopicRefusal(row)) return row;
      const topicId = newIds[index]!;
      rows.push(this.#change(topicId, row));
      return { errorCode: errorCodes.NONE, topicId };
    });
    return { result, rows };
  }

  /** What createTopics would answer, with nothing changed. */
  validateTopics(topics: readonly NewTopic[]): readonly TopicOutcome[] {
    const excess = tooManyPartitions(topics, this.#settings["num.partitions"]);
    if (excess !== undefined) return topics.map(() => excess);
    return topics.map((topic) => {
      const row = this.#newTopic(topic);
      if (isTopicRefusal(row)) return row;
      const whole = { ...row, version: 0, visible: partitionTotal(row.cells) };
      return { errorCode: errorCodes.NONE, topic: topicEntry(zeroId, whole, this.#effective) };
    });
  }

  #newTopic(topic: NewTopic): Omit<TopicRow, "version"> | Refusal {
    const invalid = invalidTopicName(topic.name);
    if (invalid !== undefined) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, invalid);
    if (this.#topics.idOf(topic.name) !== undefined)
      return refuse(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${topic.name}' already exists.`);
    const other = this.#topics.collidingName(topic.name);
    if (other !== undefined) {
      return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, `Topic '${topic.name}' collides with existing topic: ${other}`);
    }
    const invalidConfigs = invalidTopicConfigs(topic.configs);
    if (invalidConfigs !== undefined) return refuse(errorCodes.INVALID_CONFIG, invalidConfigs);
    const count = partitionCount(topic, this.#settings["num.partitions"], allNodeIds(this.#settings));
    if (isRefusal(count)) return count;
    const cells = this.#place(count);
    return { name: topic.name, state: "creating", pending: true, cells, visible: 0, configs: trimmed(topic.configs) };
  }

  #place(count: number): CellRun[] {
    return placePartitions(this.#topics.load, count, this.#settings["cell.partitions.max"], this.lostCells.all);
  }

  createPartitions(requests: readonly NewPartitions[], validateOnly: boolean): Decision<readonly TopicDecision[]> {
    const rows: RowChange[] = [];
    const result = requests.map((request): TopicDecision => {
      const topicId = this.#topics.idOf(request.name);
      const row = topicId === undefined ? undefined : this.#topics.get(topicId);
      if (topicId === undefined || row === undefined) {
        return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
      }
      const added = additionalPartitions(request, partitionTotal(row.cells), allNodeIds(this.#settings));
      if (isRefusal(added)) return added;
      if (!validateOnly) {
        const cells = [...row.cells, ...this.#place(added)];
        rows.push(this.#change(topicId, { ...row, cells, pending: true }));
      }
      return { errorCode: errorCodes.NONE, topicId };
    });
    return { result, rows };
  }

  /** The topics are gone for clients at once, their names free; leaders hear of it in their own time. */
  deleteTopics(ids: readonly TopicId[]): Decision<readonly Outcome[]> {
    const rows: RowChange[] = [];
    const result = ids.map((id): Outcome => {
      const row = this.#topics.get(id);
      if (row === undefined || row.state === "deleting") {
        return refuse(errorCodes.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
      }
      rows.push(this.#change(id, { ...row, state: "deleting", pending: true }));
      return { errorCode: errorCodes.NONE, errorMessage: null };
    });
    return { result, rows };
  }

  alterConfigs(alterations: readonly ConfigAlteration[], validateOnly: boolean): Decision<readonly Outcome[]> {
    const rows: RowChange[] = [];
    const result = alterations.map((alteration): Outcome => {
      const decided = this.#configs.decide(alteration, (name) => {
        const id = this.#topics.idOf(name);
        return id === undefined ? undefined : this.#topics.get(id)?.configs;
      });
      if ("errorCode" in decided) return decided;
      const isGroup = alteration.type === configResources.group;
      const invalid = isGroup ? invalidGroupConfigs(decided.configs, this.#settings) : undefined;
      if (invalid !== undefined) return refuse(errorCodes.INVALID_CONFIG, invalid);
      if (!validateOnly) rows.push(...this.#setConfigs(alteration, decided.configs));
      return { errorCode: errorCodes.NONE, errorMessage: null };
    });
    return { result, rows };
  }

  #setConfigs(alteration: ConfigAlteration, configs: TopicConfigs): readonly RowChange[] {
    if (alteration.type === configResources.topic) {
      const id = this.#topics.idOf(alteration.name)!;
      const row = this.#topics.get(id)!;
      const concernsLeaders = !sameSettings(this.#leaderSettings(row.configs), this.#leaderSettings(configs));
      return [this.#change(id, { ...row, configs, pending: row.pending || concernsLeaders })];
    }
    const changesDefaults = alteration.type === configResources.broker && alteration.name === "";
    const before = changesDefaults ? this.#allLeaderSettings() : new Map<TopicId, LeaderSettings>();
    const rows = this.#configs.set(alteration, configs);
    if (rows.length === 0) return rows;
    if (changesDefaults) return [...rows, ...this.#topicDefaultsChanged(before)];
    // Brokers and groups ask for what is newer than they know.
    this.#version += 1;
    return [...rows, this.#clusterRow()];
  }

  alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean): Decision<readonly QuotaOutcome[]> {
    const { result, rows } = this.#quotas.alter(alterations, validateOnly);
    if (rows.length === 0) return { result, rows };
    this.#version += 1;
    return { result, rows: [...rows, this.#clusterRow()] };
  }

  #allLeaderSettings(): ReadonlyMap<TopicId, LeaderSettings> {
    const live = [...this.#topics].filter(([, row]) => row.state !== "deleting");
    return new Map(live.map(([id, row]) => [id, this.#leaderSettings(row.configs)]));
  }

  /** Every topic's effective settings may be others now; leaders hear of it where theirs are. */
  #topicDefaultsChanged(before: ReadonlyMap<TopicId, LeaderSettings>): readonly RowChange[] {
    this.#topics.forgetEntries();
    const changed = [...this.#allLeaderSettings()].filter(([id, settings]) => !sameSettings(settings, before.get(id)!));
    const rows = changed.map(([id]) => this.#change(id, { ...this.#topics.get(id)!, pending: true }));
    this.#version += 1;
    return [...rows, this.#clusterRow()];
  }

  #clusterRow(): RowChange {
    return putRow(clusterKey, { id: this.clusterId, version: this.#version } satisfies ClusterRow);
  }

  configuredResources(): readonly ConfiguredResource[] {
    return this.#configs.all();
  }

  #change(id: TopicId, row: Omit<TopicRow, "version">): RowChange {
    this.#version += 1;
    const changed: TopicRow = { ...row, version: this.#version };
    this.#topics.set(id, changed);
    if (changed.pending) this.#tellLeaders(id, changed);
    return putRow(topicKey(id), changed);
  }

  #tellLeaders(id: TopicId, row: TopicRow): void {
    this.#outbox.put(id, row.version, new Set(row.cells.map(([cell]) => cell)));
  }

  /** The calls to make now. Every one must come back through callAnswered or callFailed. */
  takeCalls(nowMs: number): readonly (OutboxCall & { readonly call: LeaderCall })[] {
    return this.#outbox.take(nowMs).map((taken) => ({ ...taken, call: this.#leaderCall(taken) }));
  }

  #leaderCall({ topicId, cell }: OutboxCall): LeaderCall {
    const row = this.#topics.get(topicId)!;
    if (row.state === "deleting") return { kind: "delete", topicId };
    return {
      kind: "create",
      partitions: partitionsInCell(topicId, row.cells, cell),
      settings: this.#leaderSettings(row.configs),
      fences: [...this.brokerEpochs()].map(([brokerId, brokerEpoch]) => ({ brokerId, brokerEpoch })),
      ledBefore: this.#topics.led(cell),
      hasLed: this.lostCells.hasLed(cell, this.#topics),
    };
  }

  /** `hasLed`: the leader knows that it has ever led a partition. */
  callAnswered(call: OutboxCall, hasLed = true): readonly RowChange[] {
    const lost = hasLed ? [] : this.#foundLost(call);
    if (!this.#outbox.answered(call)) return lost;
    const row = this.#topics.get(call.topicId)!;
    if (row.state !== "deleting") {
      const visible = partitionTotal(row.cells);
      return [this.#change(call.topicId, { ...row, state: "live", pending: false, told: settingsTold, visible })];
    }
    this.#topics.delete(call.topicId);
    // The last row that knew this version goes: remember it, or brokers would take an older state for the newest.
    return [...lost, { key: topicKey(call.topicId), value: null }, this.#clusterRow()];
  }

  /** A leader is told to delete what it led and has never led anything: its rows are lost. */
  #foundLost({ topicId, cell }: OutboxCall): readonly RowChange[] {
    const deleted = this.#topics.get(topicId);
    if (deleted === undefined || ledPartitions(topicId, deleted, cell).length === 0) return [];
    const rows = [...this.lostCells.add(cell)];
    for (const [id, row] of placedElsewhere(this.#topics, cell, (count) => this.#place(count))) rows.push(this.#change(id, row));
    return rows;
  }

  callFailed(call: OutboxCall, nowMs: number): void {
    this.#outbox.failed(call, nowMs);
  }

  /** When takeCalls has something again; undefined while all calls are in flight or nothing is left to tell. */
  nextDeadline(): number | undefined {
    return this.#outbox.nextDeadline();
  }

  get outboxSize(): number {
    return this.#outbox.size;
  }

  /** True when every leader has heard of the topic's last change. */
  isSettled(id: TopicId): boolean {
    return !this.#outbox.has(id);
  }

  topicName(id: TopicId): string {
    return this.#topics.get(id)?.name ?? "";
  }

  /** The topic that holds a name, be it visible yet or not. */
  topicIdOf(name: string): TopicId | undefined {
    return this.#topics.idOf(name);
  }

  /** What became of a topic that was decided to be created or changed. */
  outcome(decision: TopicDecision): TopicOutcome {
    if (!("topicId" in decision)) return decision;
    const row = this.#topics.get(decision.topicId);
    if (row?.state === "live" && this.isSettled(decision.topicId)) {
      return { errorCode: errorCodes.NONE, topic: this.#topics.entry(decision.topicId) };
    }
    return refuse(errorCodes.REQUEST_TIMED_OUT, "The leaders of the partitions did not answer in time; they will be asked again.");
  }
}

function isTopicRefusal(row: Omit<TopicRow, "version"> | Refusal): row is Refusal {
  return "errorCode" in row;
}

function trimmed(configs: NewTopic["configs"]): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(configs).map(([name, value]) => [name, (value ?? "").trim()]));
}
