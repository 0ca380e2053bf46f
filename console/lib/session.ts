/**
 * What all views share: the place, one client of the library with its admin and producer, and the public addresses of the cluster. Views get
 * their data from here alone, so whatever a view shows, a user's own program can ask for.
 */
import { type Admin, type Client, type Producer, connect } from "../../client/client.ts";
import { HttpError } from "./faults.ts";
import type { Place } from "./place.ts";

/** The page would rather say that something is wrong than try for a minute. */
const operationTimeoutMs = 12_000;
const httpTimeoutMs = 12_000;

export class Session {
  readonly place: Place;
  readonly client: Client;
  readonly admin: Admin;
  #producer: Producer | undefined;

  constructor(place: Place) {
    this.place = place;
    this.client = connect(place.kafkaUrl, { clientId: "kante-console", operationTimeoutMs, requestTimeoutMs: operationTimeoutMs });
    this.admin = this.client.admin();
  }

  /** Made with the first record that is sent. */
  get producer(): Producer {
    this.#producer ??= this.client.producer({ deliveryTimeoutMs: operationTimeoutMs });
    return this.#producer;
  }

  /** A public address of the cluster; undefined when this server does not have it. */
  async get(path: string, signal: AbortSignal): Promise<Response | undefined> {
    const response = await get(this.place.clusterUrl(path), signal);
    if (response.ok) return response;
    const said = (await response.text()).slice(0, 300).trim();
    if (response.status === 404) return undefined;
    // A page to sign in at is on another host: its answer cannot be read, and has the status 0.
    throw new HttpError(response.status, said === "" ? `${path} was answered with status ${response.status}` : said);
  }
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(httpTimeoutMs)]);
  return await fetch(url, {
    signal: limited,
    redirect: "manual",
    cache: "no-store",
    headers: { accept: "application/json, text/plain" },
  });
}

export type Reach = "checking" | "ok" | "unreachable" | "unauthorised" | "failing";

export interface Health {
  readonly reach: Reach;
  readonly roundTripMs: number | undefined;
}

/** Whether the server can be reached at all: what a WebSocket that did not open cannot tell. */
export async function checkHealth(place: Place, signal: AbortSignal): Promise<Health> {
  const startMs = performance.now();
  try {
    const { status } = await get(place.healthUrl, signal);
    const roundTripMs = performance.now() - startMs;
    if (status === 200) return { reach: "ok", roundTripMs };
    return { reach: status === 401 || status === 403 || status === 0 ? "unauthorised" : "failing", roundTripMs: undefined };
  } catch {
    return { reach: "unreachable", roundTripMs: undefined };
  }
}
