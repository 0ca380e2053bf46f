/**
 * Which broker serves a connection: by the port for raw TCP, by path and query for WebSocket. Zones are decided here and nowhere
 * else in worker/ (D14): a connection belongs to the zone it came in through.
 */
import type { Settings } from "../core/settings.ts";
import { type Env, settingsOf } from "../durable-objects/env.ts";
import { brokerName } from "../durable-objects/names.ts";

const defaultCluster = "default";

export function zonesOf(settings: Settings): readonly string[] {
  return settings.zones.split(",");
}

/** The zone that a request came in through: the one named like the data centre it reached, else the first. */
export function zoneOfRequest(settings: Settings, request: Request): string {
  const zones = zonesOf(settings);
  const colo = (request as { cf?: { colo?: unknown } }).cf?.colo;
  return zones.find((zone) => typeof colo === "string" && zone.toLowerCase() === colo.toLowerCase()) ?? zones[0] ?? "local";
}

/** Port base + n is broker n of the first zone. */
export function brokerOfPort(env: Env, port: number): { readonly broker: string; readonly address: string } {
  const advertised = env.ADVERTISED ?? { host: "127.0.0.1", basePort: port };
  const zone = zonesOf(settingsOf(env))[0] ?? "local";
  const host = advertised.host.includes(":") ? `[${advertised.host}]` : advertised.host;
  return {
    broker: brokerName({ cluster: defaultCluster, zone, index: port - advertised.basePort }),
    address: `${host}:${advertised.basePort}`,
  };
}

/** The brokers of every zone of a cluster. */
export function brokersOf(settings: Settings, cluster: string): readonly string[] {
  return zonesOf(settings).flatMap((zone) =>
    Array.from({ length: settings["brokers.per.zone"] }, (_, index) => brokerName({ cluster, zone, index })),
  );
}
