/**
 * The Broker Durable Object: where client sockets end. It ties together its front ends, the pump of each connection, the machine that
 * buffers, commits and reads, and the clients of leaders, controller and groups. The Kafka APIs are handed to it by worker/.
 */
import { DurableObject } from "cloudflare:workers";
import { type Traffic, TrafficRing } from "../core/broker/traffic.ts";
import { BrokerMachine } from "../core/broker/machine.ts";
import { VerifiedPartitions } from "../core/broker/verified-partitions.ts";
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import { zoneNames } from "../core/cluster/placement.ts";
import { ProducerIds } from "../core/cluster/producer-ids.ts";
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { GroupClient } from "../core/group/group-client.ts";
import { ClientQuotas } from "../core/quota/client-quotas.ts";
import { type Settings, settingsFrom } from "../core/settings.ts";
import type { TransactionClient } from "../core/transaction/transaction-client.ts";
import { kernel } from "../kernel/kernel.ts";
import { BrokerRunner } from "./broker-runner.ts";
import { Connection, type HandlerTable } from "./connection.ts";
import { controllerClient } from "./controller-client.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import type { Env } from "./env.ts";
import { groupClient } from "./group-client.ts";
import type { BrokerServices, ConnectionFacts } from "./handler.ts";
import { IdleConnections } from "./idle-connections.ts";
import { leaderClient } from "./leader-client.ts";
import { Log } from "./log.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { nodeIdOf, parseBrokerName } from "./names.ts";
import { Recent } from "./recent.ts";
import { SlowReaders } from "./slow-readers.ts";
import { openStore } from "./stores.ts";
import { parseTcpAddress } from "./tcp-address.ts";
import { serveTcp } from "./tcp-front.ts";
import { ControllerTopicCatalog } from "./topic-catalog.ts";
import { transactionClient } from "./transaction-client.ts";
import { timerMsMax } from "./earliest-timer.ts";
import type { Transport } from "./transport.ts";
import { UnfinishedFrames } from "./unfinished-frames.ts";
import { WebSocketFronts } from "./websocket-front.ts";

/** Answers a client has not taken yet, above which no further request of its is begun. */
const unsentBytesMax = 4 * 1024 * 1024;

/** Groups whose stubs are kept; console consumers take a new group each. */
const groupsMax = 1000;
const transactionsMax = 1000;

/** Groups and transactions whose figures are asked for: each is a call. */
const measuredMax = 100;

export interface WalFloor {
  /** Undefined: it writes under none at present. */
  readonly brokerEpoch: number | undefined;
  readonly floor: number;
}

export interface BrokerMetrics {
  readonly metrics: MetricsSnapshot;
  /** The cells this broker has spoken to, whose leaders have figures of their own. */
  readonly cells: readonly number[];
  /** Those it spoke to last, which have too. */
  readonly groups: readonly string[];
  readonly transactions: readonly string[];
}

/** Whoever is called too early asks again. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, Math.min(ms, timerMsMax));
  return () => clearTimeout(timer);
}

export class BrokerObject extends DurableObject<Env> {
  readonly #cluster: string;
  readonly #zone: string;
  readonly #settings: Settings;
  readonly #handlers: HandlerTable;
  readonly #cost = new CostMeter(this);
  readonly #metrics = this.#cost.metrics;
  readonly #traffic = new TrafficRing(Date.now());
  readonly #log: Log;
  readonly #machine: BrokerMachine;
  readonly #runner: BrokerRunner;
  readonly #services: BrokerServices;
  readonly #webSockets: WebSocketFronts;
  readonly #unfinished: UnfinishedFrames;
  readonly #connections = new Set<Connection>();
  readonly #slowReaders: SlowReaders;
  readonly #idle: IdleConnections;
  readonly #quotas: ClientQuotas;
  readonly #coordinators = new Map<number, BatchCoordinator>();
  readonly #groups: Recent<GroupClient>;
  readonly #transactions: Recent<TransactionClient>;
  #connectionsOpened = 0;

  constructor(ctx: DurableObjectState, env: Env, handlers: HandlerTable) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    const { cluster, zone, index } = parseBrokerName(name);
    const { settings, problems } = settingsFrom(env.SETTINGS ?? {});
    this.#cluster = cluster;
    this.#zone = zone;
    this.#settings = settings;
    this.#handlers = handlers;
    this.#log = new Log(settings["log.level"], { object: name });
    if (problems.length > 0) this.#log.warn("settings-ignored", { problems });
    this.#groups = new Recent(groupsMax, (groupId) => groupClient(env, cluster, groupId));
    const nodeId = nodeIdOf(zoneNames(settings), zone, index);
    const controller = controllerClient(env, cluster);
    const producerIds = new ProducerIds(controller);
    const nextProducerId = () => producerIds.next();
    this.#transactions = new Recent(transactionsMax, (id) => transactionClient(env, cluster, id, nextProducerId));
    this.#machine = new BrokerMachine({ brokerId: nodeId, settings, kernel });
    this.#runner = this.#startRunner(nodeId, controller);
    this.#services = this.#offer(nodeId, controller, nextProducerId);
    this.#quotas = new ClientQuotas(() => this.#services.catalog.quotas, settings);
    this.#idle = new IdleConnections({ idleMsMax: settings["connections.max.idle.ms"], now: () => Date.now(), after });
    this.#slowReaders = new SlowReaders({
      readers: this.#connections,
      isPressed: () => this.#machine.levels.pinnedBytes > settings["broker.memory.bytes"] / 2,
      now: () => Date.now(),
    });
    this.#unfinished = new UnfinishedFrames({ bytesMax: settings["broker.memory.bytes"] / 2, now: () => Date.now(), after });
    this.#webSockets = new WebSocketFronts({
      accept: (socket) => ctx.acceptWebSocket(socket),
      frameBytesMax: settings["socket.request.max.bytes"],
      unfinished: this.#unfinished,
      waitingBytesMax: settings["broker.memory.bytes"] / 2,
      open: (facts, transport) => this.#open(facts, transport),
      onReceived: (byteLength) => this.#received(byteLength),
      onGreedy: ({ id, clientAddress }, waitingBytes) =>
        this.#log.warn("greedy-connection-closed", { connection: id, client: clientAddress, waitingBytes }),
    });
  }

  #startRunner(nodeId: number, controller: ControllerClient): BrokerRunner {
    return new BrokerRunner({
      machine: this.#machine,
      store: openStore(this.env, this.#cluster, this.#cost.count),
      brokerId: nodeId,
      controller,
      coordinator: (cell) => this.#coordinator(cell),
      onAccepts: () => {
        for (const connection of this.#connections) connection.resume();
      },
      onBug: (error) => {
        this.#log.error("machine-broken", { error });
        this.ctx.abort("the broker's machine broke");
      },
      now: () => Date.now(),
      log: this.#log,
      metrics: this.#metrics,
    });
  }

  #offer(nodeId: number, controller: ControllerClient, nextProducerId: () => Promise<number>): BrokerServices {
    const runner = this.#runner;
    return {
      nodeId,
      settings: this.#settings,
      get throttleMs() {
        return runner.throttleMs;
      },
      catalog: new ControllerTopicCatalog(controller, nodeId),
      controller,
      coordinator: (cell) => this.#coordinator(cell),
      group: (groupId) => this.#groups.get(groupId),
      transaction: (transactionalId) => this.#transactions.get(transactionalId),
      verified: new VerifiedPartitions(),
      nextProducerId,
      append: (items) => runner.append(items),
      read: async (request) => await runner.beginRead(request).outcomes,
      readExtent: (extent) => runner.readExtent(extent),
    };
  }

  #coordinator(cell: number): BatchCoordinator {
    const known = this.#coordinators.get(cell);
    if (known !== undefined) return known;
    const coordinator = leaderClient(this.env, this.#cluster, cell);
    this.#coordinators.set(cell, coordinator);
    return coordinator;
  }

  #open(facts: ConnectionFacts, transport: Transport): Connection {
    const { transport: kind, id, clientAddress } = facts;
    this.#metrics.count(`kante_connections_total{transport="${kind}"}`);
    this.#metrics.adjustGauge(`kante_connections{transport="${kind}"}`, 1);
    this.#log.debug("connection-opened", { connection: id, client: clientAddress, transport: kind });
    const connection = new Connection({
      facts,
      handlers: this.#handlers,
      services: this.#services,
      reads: this.#runner,
      quotas: this.#quotas,
      requestsMax: this.#settings["connection.requests.max"],
      unsentBytesMax,
      accepts: () => this.#runner.acceptsRequests,
      send: (chunks, byteLength, left) => {
        this.#traffic.sent(byteLength, Date.now());
        transport.send(chunks, byteLength, left);
      },
      close: (reason) => {
        this.#log.info("connection-closed", { connection: id, client: clientAddress, reason });
        transport.close(reason);
      },
      drop: (reason) => {
        this.#log.warn("connection-dropped", { connection: id, client: clientAddress, reason });
        transport.drop(reason);
      },
      onSent: () => this.#slowReaders.look(),
      onRoom: transport.onRoom,
      onEnd: () => {
        this.#connections.delete(connection);
        this.#idle.delete(connection);
        this.#metrics.adjustGauge(`kante_connections{transport="${kind}"}`, -1);
      },
      now: () => Date.now(),
      after,
      log: this.#log,
      metrics: this.#metrics,
    });
    this.#connections.add(connection);
    if (kind === "tcp") this.#idle.add(connection);
    return connection;
  }

  #received(byteLength: number): void {
    this.#metrics.count("kante_received_bytes_total", byteLength);
    this.#traffic.received(byteLength, Date.now());
  }

  /** Raw TCP: the address is the one that clients are told to connect to. */
  override async connect(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    const { host, port, clientAddress } = parseTcpAddress(localAddress ?? "");
    this.#connectionsOpened += 1;
    const facts: ConnectionFacts = {
      id: `tcp-${this.#connectionsOpened}`,
      cluster: this.#cluster,
      zone: this.#zone,
      advertisedHost: host,
      advertisedBasePort: port,
      clientAddress,
      transport: "tcp",
    };
    await serveTcp({
      socket,
      frameBytesMax: this.#settings["socket.request.max.bytes"],
      unfinished: this.#unfinished,
      open: (transport) => this.#open(facts, transport),
      onReceived: (byteLength) => this.#received(byteLength),
    });
  }

  /** WebSocket upgrades, already checked by the Worker. The query says what the connection must know. */
  override fetch(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const facts: ConnectionFacts = {
      id: crypto.randomUUID(),
      cluster: this.#cluster,
      zone: this.#zone,
      advertisedHost: searchParams.get("host") ?? "127.0.0.1",
      advertisedBasePort: Number(searchParams.get("port") ?? "9092"),
      clientAddress: request.headers.get("cf-connecting-ip") ?? "",
      transport: "websocket",
    };
    return this.#webSockets.upgrade(facts, searchParams.get("flow") === "1");
  }

  override webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): void {
    this.#webSockets.message(socket, message);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#webSockets.closed(socket, code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#webSockets.closed(socket, 1011);
  }

  /** Of its objects those below are committed or never will be (D12). */
  walFloor(): WalFloor {
    return { brokerEpoch: this.#machine.brokerEpoch, floor: this.#machine.sequenceFloor };
  }

  /** Of the last hour, as far as this memory goes back. */
  traffic(): Traffic {
    return this.#traffic.snapshot(Date.now());
  }

  metrics(): BrokerMetrics {
    const { writeBytes, cacheBytes, pinnedBytes, getBytes, cacheHits, cacheMisses, uploadsInFlight } = this.#machine.levels;
    for (const [part, bytes] of Object.entries({
      write: writeBytes,
      cache: cacheBytes,
      responses: pinnedBytes,
      reads: getBytes,
      requests: this.#unfinished.heldBytes,
    }))
      this.#metrics.gauge(`kante_memory_bytes{part="${part}"}`, bytes);
    this.#metrics.gauge("kante_uploads_in_flight", uploadsInFlight);
    this.#metrics.set("kante_cache_hits_total", cacheHits);
    this.#metrics.set("kante_cache_misses_total", cacheMisses);
    return {
      metrics: this.#cost.snapshot(),
      cells: [...this.#coordinators.keys()],
      groups: this.#groups.latest(measuredMax),
      transactions: this.#transactions.latest(measuredMax),
    };
  }
}

meterCalls(BrokerObject);
