/**
 * The way to a broker by its name. Where a Durable Object lives is decided once, by whoever calls it first, be it only for its metrics:
 * so everybody comes this way and says where the broker's zone is (D14).
 */
import type { Env } from "./env.ts";
import { parseBrokerName } from "./names.ts";

const hints: readonly string[] = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "oc",
  "afr",
  "me",
] satisfies DurableObjectLocationHint[];

/** Zones that bear the name of a location hint are placed there. */
export function brokerStub({ BROKER }: Pick<Env, "BROKER">, name: string): DurableObjectStub {
  const { zone } = parseBrokerName(name);
  return BROKER.getByName(name, hints.includes(zone) ? { locationHint: zone as DurableObjectLocationHint } : {});
}
