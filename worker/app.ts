/**
 * HTTP: the WebSocket door for Kafka clients, health and metrics. It checks what can be checked before a Durable Object is woken,
 * because a request to one costs money and a wrong one deserves a clear answer.
 */
import { type Context, Hono } from "hono";
import type { BrokerMetrics } from "../durable-objects/broker.ts";
import { type Env, settingsOf } from "../durable-objects/env.ts";
import { type MetricsSnapshot, renderMetrics, sumMetrics } from "../durable-objects/metrics.ts";
import { brokerName, controllerName, groupName, isClusterName, leaderName, transactionName } from "../durable-objects/names.ts";
import { brokersOf, defaultCluster, locationHintOf, zoneOfRequest } from "./routes.ts";

type AppContext = Context<{ Bindings: Env }>;

const hostPattern = /^[a-zA-Z0-9._:-]{1,253}$/;

export const app = new Hono<{ Bindings: Env }>();

app.get("/", (context) =>
  context.text(
    "Kante, a Kafka-compatible event log.\n\n" +
      "GET /c/<cluster>/kafka   Kafka over WebSocket, subprotocol kafka\n" +
      "GET /health              is the Worker up\n" +
      "GET /metrics             figures for Prometheus\n",
  ),
);

app.get("/health", (context) => context.json({ status: "ok" }));

app.get("/kafka", async (context) => await openKafka(context, defaultCluster));
app.get("/c/:cluster/kafka", async (context) => await openKafka(context, context.req.param("cluster")));

app.get("/metrics", async (context) => await metrics(context, defaultCluster));
app.get("/c/:cluster/metrics", async (context) => await metrics(context, context.req.param("cluster")));

for (const path of ["/", "/health", "/kafka", "/metrics", "/c/:cluster/kafka", "/c/:cluster/metrics"]) {
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
  return await context.env.BROKER.getByName(brokerName({ cluster, zone, index }), locationHintOf(zone)).fetch(request);
}

function wholeNumber(text: string, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : undefined;
}

interface Measured {
  metrics(): Promise<MetricsSnapshot>;
}

/**
 * Asks the controller whether there is such a cluster, then the brokers, then whom they have spoken to: nobody is made by the asking, and
 * no leader, group or transaction is woken that has not worked.
 */
async function metrics(context: AppContext, cluster: string): Promise<Response> {
  const { BROKER, LEADER, CONTROLLER, GROUP, TRANSACTION } = context.env;
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const settings = settingsOf(context.env);
  const controller = CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    metrics(): Promise<MetricsSnapshot | undefined>;
  };
  const controllerMetrics = await controller.metrics();
  if (controllerMetrics === undefined) {
    // Whoever watches a new server must not take it for a broken one.
    return cluster === defaultCluster ? metricsText(context, []) : context.text("no such cluster\n", 404);
  }
  const brokers = await Promise.all(
    brokersOf(settings, cluster).map(
      async (name) => await (BROKER.getByName(name) as unknown as { metrics(): Promise<BrokerMetrics> }).metrics(),
    ),
  );
  const named = (pick: (broker: BrokerMetrics) => readonly string[]) => [...new Set(brokers.flatMap(pick))];
  const measured = [
    ...new Set(brokers.flatMap((broker) => broker.cells)).values().map((cell) => LEADER.getByName(leaderName(cluster, cell))),
    ...named((broker) => broker.groups).map((groupId) => GROUP.getByName(groupName(cluster, groupId))),
    ...named((broker) => broker.transactions).map((id) => TRANSACTION.getByName(transactionName(cluster, id))),
  ] as unknown as Measured[];
  const others = await Promise.allSettled(measured.map(async (object) => await object.metrics()));
  const snapshots = others.flatMap((other) => (other.status === "fulfilled" ? [other.value] : []));
  return metricsText(context, [controllerMetrics, ...brokers.map((broker) => broker.metrics), ...snapshots]);
}

function metricsText(context: AppContext, snapshots: readonly MetricsSnapshot[]): Response {
  return context.text(renderMetrics(sumMetrics(snapshots)), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
}
