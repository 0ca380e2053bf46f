/**
 * Which broker serves a connection: by the port for raw TCP, by path and query for WebSocket. Zones are decided here and nowhere
 * else in worker/ (D14): a connection belongs to the zone it came in through.
 */
import { zoneNames } from "../core/cluster/placement.ts";
import type { Settings } from "../core/settings.ts";
import { type Env, settingsOf } from "../durable-objects/env.ts";
import { brokerName } from "../durable-objects/names.ts";

export const defaultCluster = "default";

/** Zones that bear the name of a location hint get the clients of their continent. */
const hintOfContinent: Readonly<Record<string, readonly DurableObjectLocationHint[]>> = {
  EU: ["weur", "eeur"],
  NA: ["enam", "wnam"],
  SA: ["sam", "enam"],
  AS: ["apac", "me"],
  OC: ["oc", "apac"],
  AF: ["afr", "weur"],
};

/** The zone that a request came in through: named like the data centre it reached, or near its continent; else the first. */
export function zoneOfRequest(settings: Settings, request: Request): string {
  const zones = zoneNames(settings);
  const { colo = "", continent = "" } = (request as { cf?: { colo?: string; continent?: string } }).cf ?? {};
  const wanted = [colo.toLowerCase(), ...(hintOfContinent[continent] ?? [])];
  return wanted.find((zone) => zones.includes(zone)) ?? zones[0]!;
}

/** Port base + n is broker n of the first zone; undefined at any other port, as the HTTP one, where the method CONNECT ends up here. */
export function brokerOfPort(
  env: Env,
  port: number,
): { readonly broker: string; readonly host: string; readonly port: number } | undefined {
  const advertised = env.ADVERTISED ?? { host: "127.0.0.1", basePort: port };
  const settings = settingsOf(env);
  const zone = zoneNames(settings)[0]!;
  const index = port - advertised.basePort;
  if (!(index >= 0 && index < settings["brokers.per.zone"])) return undefined;
  return {
    broker: brokerName({ cluster: defaultCluster, zone, index }),
    host: advertised.host,
    port: advertised.basePort,
  };
}

/** The brokers of every zone of a cluster. */
export function brokersOf(settings: Settings, cluster: string): readonly string[] {
  return zoneNames(settings).flatMap((zone) =>
    Array.from({ length: settings["brokers.per.zone"] }, (_, index) => brokerName({ cluster, zone, index })),
  );
}
