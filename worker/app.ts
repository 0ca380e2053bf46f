/**
 * HTTP: the console, the WebSocket door for Kafka clients, health and metrics. It checks what can be checked before a Durable Object is woken,
 * because a request to one costs money and a wrong one deserves a clear answer.
 */
import { type Context, Hono } from "hono";
import { billOf, usdOf } from "../core/cost/bill.ts";
import type { ClusterSnapshot } from "../core/cluster/controller-client.ts";
import { prices } from "../core/cost/prices.ts";
import { operatingErrorKind } from "../core/operating-error.ts";
import type { BrokerMetrics } from "../durable-objects/broker.ts";
import { brokerStub } from "../durable-objects/broker-stub.ts";
import { offsetGapDefault, type RecoverOptions, type Recovery } from "../durable-objects/cluster-recovery.ts";
import { controllerClient } from "../durable-objects/controller-client.ts";
import { countedOf } from "../durable-objects/cost-meter.ts";
import { type Env, settingsOf } from "../durable-objects/env.ts";
import { mergerNameOf } from "../durable-objects/merger-client.ts";
import type { Reconciliation } from "../durable-objects/reconciler.ts";
import { type MetricsSnapshot, renderMetrics, sumMetrics } from "../durable-objects/metrics.ts";
import { brokerName, controllerName, groupName, isClusterName, leaderName, transactionName } from "../durable-objects/names.ts";
import { consoleFile, consolePage } from "./console.ts";
import { topicExtents } from "./extents.ts";
import { throughput } from "./throughput.ts";
import { brokersOf, defaultCluster, zoneOfRequest } from "./routes.ts";

type AppContext = Context<{ Bindings: Env }>;

const hostPattern = /^[a-zA-Z0-9._:-]{1,253}$/;

export const app = new Hono<{ Bindings: Env }>();

app.get("/", consolePage);
app.get("/c/:cluster", (context) => context.redirect(`${context.req.path}/`));
app.get("/c/:cluster/", async (context) =>
  isClusterName(context.req.param("cluster")) ? await consolePage(context) : context.text("not a cluster name\n", 400),
);
app.get("/console/*", consoleFile);

app.get("/health", (context) => context.json({ status: "ok" }));

app.get("/kafka", async (context) => await openKafka(context, defaultCluster));
app.get("/c/:cluster/kafka", async (context) => await openKafka(context, context.req.param("cluster")));

app.get("/metrics", async (context) => await metrics(context, defaultCluster));
app.get("/c/:cluster/metrics", async (context) => await metrics(context, context.req.param("cluster")));

app.get("/throughput", async (context) => await throughput(context, defaultCluster));
app.get("/c/:cluster/throughput", async (context) => await throughput(context, context.req.param("cluster")));

app.get("/cost", async (context) => await cost(context, defaultCluster));
app.get("/c/:cluster/cost", async (context) => await cost(context, context.req.param("cluster")));

app.get("/topics/:topic/extents", async (context) => await topicExtents(context, defaultCluster));
app.get("/c/:cluster/topics/:topic/extents", async (context) => await topicExtents(context, context.req.param("cluster")));

app.post("/reconcile", async (context) => await reconcile(context, defaultCluster));
app.post("/c/:cluster/reconcile", async (context) => await reconcile(context, context.req.param("cluster")));

app.post("/recover", async (context) => await recover(context, defaultCluster));
app.post("/c/:cluster/recover", async (context) => await recover(context, context.req.param("cluster")));

const pages = ["/", "/c/:cluster/", "/console/*", "/health"];
const pagesOfClusters = ["/kafka", "/metrics", "/throughput", "/cost", "/topics/:topic/extents"];
for (const path of [...pages, ...pagesOfClusters, ...pagesOfClusters.map((page) => `/c/:cluster${page}`)]) {
  app.all(path, (context) => context.text(`${context.req.method} is not for this page\n`, 405, { allow: "GET, HEAD" }));
}

app.notFound((context) => context.text("no such page\n", 404));
app.onError((error, context) => {
  console.error(
    JSON.stringify({ level: "error", event: "request-broken", path: context.req.path, error: error.stack ?? error.message }),
  );
  return context.text("internal error\n", 500);
});

async function openKafka(context: AppContext, cluster: string): Promise<Response> {
  const request = context.req.raw;
  const settings = settingsOf(context.env);
  if (!isClusterName(cluster)) return context.text("not a cluster name: letters, digits, dot, dash, underscore, at most 63\n", 400);
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return context.text("this is a WebSocket address: connect with the subprotocol kafka, or with `kante bridge`\n", 426, {
      upgrade: "websocket",
    });
  }
  const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  if (!offered.includes("kafka")) return context.text("offer the subprotocol kafka\n", 400);
  const index = wholeNumber(context.req.query("node") ?? "0", settings["brokers.per.zone"] - 1);
  if (index === undefined) return context.text(`node must be a whole number from 0 to ${settings["brokers.per.zone"] - 1}\n`, 400);
  if (wholeNumber(context.req.query("port") ?? "9092", 65_535) === undefined)
    return context.text("port must be a port number\n", 400);
  // It goes into the socket's attachment, where there is little room, and into answers.
  if (!hostPattern.test(context.req.query("host") ?? "localhost")) return context.text("host must be a name or an address\n", 400);
  const zone = zoneOfRequest(settings, request);
  // Handed on as it is: a copied 101 would lose hibernation.
  return await brokerStub(context.env, brokerName({ cluster, zone, index })).fetch(request);
}

function wholeNumber(text: string, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : undefined;
}

interface Measured {
  metrics(): Promise<MetricsSnapshot>;
}

interface Measurements {
  readonly snapshots: readonly MetricsSnapshot[];
  readonly cells: readonly number[];
}

/**
 * Asks the controller whether there is such a cluster, then the brokers, then whom they have spoken to: nobody is made by the asking, and
 * no leader, group or transaction is woken that has not worked. Undefined: there is no such cluster.
 */
async function measure(
  env: Env,
  cluster: string,
  cellsAtRest = async (): Promise<readonly number[]> => [],
): Promise<Measurements | undefined> {
  const { LEADER, MERGER, CONTROLLER, GROUP, TRANSACTION } = env;
  const settings = settingsOf(env);
  const controller = CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    metrics(): Promise<MetricsSnapshot | undefined>;
  };
  const controllerMetrics = await controller.metrics();
  if (controllerMetrics === undefined) return undefined;
  const brokers = await Promise.all(
    brokersOf(settings, cluster).map(
      async (name) => await (brokerStub(env, name) as unknown as { metrics(): Promise<BrokerMetrics> }).metrics(),
    ),
  );
  const named = (pick: (broker: BrokerMetrics) => readonly string[]) => [...new Set(brokers.flatMap(pick))];
  const cells = [...new Set([...(await cellsAtRest()), ...brokers.flatMap((broker) => broker.cells)])];
  const figures = async (objects: readonly unknown[]): Promise<MetricsSnapshot[]> => {
    const answers = await Promise.allSettled((objects as readonly Measured[]).map(async (object) => await object.metrics()));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  };
  const leaders = await figures(cells.map((cell) => LEADER.getByName(leaderName(cluster, cell))));
  const hasMerged = leaders.some(({ counters }) => (counters["kante_merges_total"] ?? 0) > 0);
  const mergers = new Set(cells.map((cell) => mergerNameOf(env, cluster, cell)));
  const others = await figures([
    ...(hasMerged ? [...mergers].map((name) => MERGER.getByName(name)) : []),
    ...named((broker) => broker.groups).map((groupId) => GROUP.getByName(groupName(cluster, groupId))),
    ...named((broker) => broker.transactions).map((id) => TRANSACTION.getByName(transactionName(cluster, id))),
  ]);
  return { snapshots: [controllerMetrics, ...brokers.map((broker) => broker.metrics), ...leaders, ...others], cells };
}

async function metrics(context: AppContext, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const measured = await measure(context.env, cluster);
  // Whoever watches a new server must not take it for a broken one.
  if (measured === undefined && cluster !== defaultCluster) return context.text("no such cluster\n", 404);
  const text = renderMetrics(sumMetrics(measured?.snapshots ?? []));
  return context.text(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
}

/** What the cluster's objects have cost since they woke, and what a month of the same would: docs/ARCHITECTURE.md says how it is counted. */
async function cost(context: AppContext, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  // Brokers that have slept know no leader, but what rests is paid for all the same.
  let topics: ClusterSnapshot["topics"] = [];
  const measured = await measure(context.env, cluster, async () => {
    topics = (await controllerClient(context.env, cluster).snapshot(-1))?.topics ?? [];
    return topics.flatMap(({ partitions }) => partitions.map(({ cell }) => cell));
  });
  if (measured === undefined && cluster !== defaultCluster) return context.text("no such cluster\n", 404);
  const now = Date.now();
  const bill = billOf((measured?.snapshots ?? []).map((one) => countedOf(one, now)));
  const names = new Map(topics.map(({ id, name }) => [id, name]));
  const costs = await topicCosts(context.env, cluster, measured?.cells ?? [], names);
  return context.json({ cluster, currency: "USD", ...bill, topics: costs, prices });
}

/** Compares the bucket with the cells; `?remove=true` deletes the orphans that it finds. */
async function reconcile(context: AppContext, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const controller = context.env.CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    reconcile(remove: boolean): Promise<Reconciliation | undefined>;
  };
  const result = await controller.reconcile(context.req.query("remove") === "true").catch((error: unknown) => {
    // As long as a cell is lost nobody can tell what is needed.
    if (operatingErrorKind(error) === "corrupt") return error instanceof Error ? error.message : String(error);
    throw error;
  });
  if (typeof result === "string") return context.text(`${result}\n`, 409);
  return result === undefined ? context.text("no such cluster\n", 404) : context.json(result);
}

/** Finds cells that have lost their rows; `?write=true` rebuilds them, without it the answer tells what that would do. */
async function recover(context: AppContext, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const offsetGap = wholeNumber(context.req.query("offset-gap") ?? String(offsetGapDefault), 999_999_999);
  if (offsetGap === undefined) return context.text("offset-gap must be a whole number of at most nine digits\n", 400);
  const given = context.req.query("give-up");
  const giveUp = given === undefined ? undefined : wholeNumber(given, 999_999_999);
  if (given !== undefined && giveUp === undefined) return context.text("give-up must be the number of a cell\n", 400);
  const controller = context.env.CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    recover(options: RecoverOptions): Promise<Recovery | undefined>;
  };
  const result = await controller.recover({ write: context.req.query("write") === "true", offsetGap, giveUp });
  return result === undefined ? context.text("no such cluster\n", 404) : context.json(result);
}

/** What a topic's bytes cost to keep; operations serve many topics at once and are nobody's alone. */
async function topicCosts(
  env: Env,
  cluster: string,
  cells: readonly number[],
  names: ReadonlyMap<string, string>,
): Promise<readonly TopicCost[]> {
  const leaders = cells.map((cell) => env.LEADER.getByName(leaderName(cluster, cell))) as unknown as {
    topicBytes(): Promise<Readonly<Record<string, number>>>;
  }[];
  const bytes = new Map<string, number>();
  for (const answer of await Promise.all(leaders.map(async (leader) => await leader.topicBytes()))) {
    for (const [topicId, count] of Object.entries(answer)) bytes.set(topicId, (bytes.get(topicId) ?? 0) + count);
  }
  return [...bytes]
    .map(([topicId, storedBytes]) => ({
      topicId,
      name: names.get(topicId) ?? "",
      storedBytes,
      usdPerMonth: usdOf("object-gb-months", storedBytes / 1e9),
    }))
    .sort((left, right) => right.storedBytes - left.storedBytes);
}

interface TopicCost {
  readonly topicId: string;
  readonly name: string;
  readonly storedBytes: number;
  readonly usdPerMonth: number;
}
