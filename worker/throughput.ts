/**
 * `GET /throughput`: what came in and went out in each minute of the last hour, over all brokers, for the console and for whoever else wants
 * to look. It comes from the memory of brokers: what one carried before it last slept is not in it.
 */
import type { Context } from "hono";
import { type Traffic, sumTraffic } from "../core/broker/traffic.ts";
import { brokerStub } from "../durable-objects/broker-stub.ts";
import { type Env, settingsOf } from "../durable-objects/env.ts";
import { controllerName, isClusterName } from "../durable-objects/names.ts";
import type { MetricsSnapshot } from "../durable-objects/metrics.ts";
import { brokersOf, defaultCluster } from "./routes.ts";

export async function throughput(context: Context<{ Bindings: Env }>, cluster: string): Promise<Response> {
  if (!isClusterName(cluster)) return context.text("not a cluster name\n", 400);
  const { env } = context;
  // A cluster that nobody uses is not made by the asking.
  const isThere = await clusterExists(env, cluster);
  if (!isThere && cluster !== defaultCluster) return context.text("no such cluster\n", 404);
  const names = isThere ? brokersOf(settingsOf(env), cluster) : [];
  const parts = await Promise.all(
    names.map(async (name) => await (brokerStub(env, name) as unknown as { traffic(): Promise<Traffic> }).traffic()),
  );
  const nowMs = Date.now();
  const brokers = names.map((name, index) => ({ broker: name.slice(cluster.length + 1), sinceMs: parts[index]!.sinceMs }));
  return context.json({ cluster, nowMs, brokers, minutes: sumTraffic(parts, nowMs) });
}

export async function clusterExists(env: Env, cluster: string): Promise<boolean> {
  const controller = env.CONTROLLER.getByName(controllerName(cluster)) as unknown as {
    metrics(): Promise<MetricsSnapshot | undefined>;
  };
  return (await controller.metrics()) !== undefined;
}
