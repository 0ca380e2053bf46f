/**
 * Holds clients to their quotas at one broker: finds the quota that is nearest to a user and client id, adds up what they use, and says
 * for how long a client that used too much must be silent. Each broker counts for itself, as in Kafka. Durable Objects' clocks stand
 * still while they work, so the time of a request (request_percentage) is reckoned, not measured.
 */
import type { Settings } from "../settings.ts";
import { MutationTokens } from "./mutation-tokens.ts";
import type { ClientQuota, QuotaEntity } from "./quota-entities.ts";
import { WindowedRate } from "./windowed-rate.ts";

export interface Client {
  readonly user: string;
  readonly clientId: string;
}

export interface Use {
  /** Bytes of a produce request, or of a fetch's answer; 0 for what is neither. */
  readonly producedBytes: number;
  readonly fetchedBytes: number;
  /** Bytes of the request and its answer, whatever it was. */
  readonly movedBytes: number;
}

interface Quota {
  readonly perSecond: number;
  /** Who shares it: each user and client id under a default has a rate of its own. */
  readonly sharers: string;
}

interface Quotas {
  readonly produce: Quota | undefined;
  readonly fetch: Quota | undefined;
  readonly request: Quota | undefined;
  readonly mutation: Quota | undefined;
}

/** Whether partitions may be made or deleted, and for how long the client must be silent. */
export interface MutationAnswer {
  readonly isAccepted: boolean;
  readonly throttleMs: number;
}

/** A request's reckoned time: a tenth of a millisecond, and one more for each MiB moved. */
const requestMs = 0.1;
const requestMsPerByte = 1 / (1024 * 1024);
/** One percent of a second's time. */
const msPerPercent = 10;
/** What fits into an answer. */
const throttleMsMax = 2 ** 31 - 1;
/** Client ids are the clients' own choice, and memory is bounded [I8]. */
const clientsMax = 10_000;
const none: Quotas = { produce: undefined, fetch: undefined, request: undefined, mutation: undefined };

export class ClientQuotas {
  readonly #source: () => readonly ClientQuota[];
  readonly #windows: { readonly count: number; readonly windowMs: number };
  #known: readonly ClientQuota[] = [];
  /** By entity. */
  readonly #values = new Map<string, ClientQuota["values"]>();
  readonly #found = new Map<string, Quotas>();
  /** By who shares them, in the order of their last use. */
  readonly #rates = new Map<string, WindowedRate>();
  readonly #mutations = new Map<string, MutationTokens>();

  /** `source`: the quotas as they are known now; another list when they have changed. */
  constructor(source: () => readonly ClientQuota[], settings: Pick<Settings, "quota.window.num" | "quota.window.size.seconds">) {
    this.#source = source;
    const windowMs = Math.max(1, settings["quota.window.size.seconds"] * 1000);
    this.#windows = { count: Math.max(1, settings["quota.window.num"]), windowMs };
  }

  /** For how long the client must be silent after this; 0 when it is within its quotas. */
  record(client: Client, { producedBytes, fetchedBytes, movedBytes }: Use, nowMs: number): number {
    const { produce, fetch, request } = this.#quotasOf(client);
    let throttleMs = 0;
    if (produce !== undefined && producedBytes > 0) throttleMs = this.#use("produce", produce, producedBytes, nowMs);
    if (fetch !== undefined && fetchedBytes > 0) throttleMs = this.#use("fetch", fetch, fetchedBytes, nowMs);
    if (request === undefined) return throttleMs;
    const timeMs = this.#use("request", request, requestMs + movedBytes * requestMsPerByte, nowMs);
    // Kafka never stops a client for longer than a window because of its requests' time.
    return Math.max(throttleMs, Math.min(timeMs, this.#windows.windowMs));
  }

  /** Strict: refused while there is a debt; else accepted, and to be waited for. */
  mutate(client: Client, partitions: number, isStrict: boolean, nowMs: number): MutationAnswer {
    const { mutation } = this.#quotasOf(client);
    if (mutation === undefined) return { isAccepted: true, throttleMs: 0 };
    const { perSecond, sharers } = mutation;
    const burst = (perSecond * this.#windows.count * this.#windows.windowMs) / 1000;
    const tokens = this.#mutations.get(sharers) ?? new MutationTokens(burst, nowMs);
    this.#mutations.delete(sharers);
    this.#mutations.set(sharers, tokens);
    if (this.#mutations.size > clientsMax) this.#mutations.delete(this.#mutations.keys().next().value!);
    const owedMs = Math.min(tokens.owedMs(perSecond, burst, nowMs), throttleMsMax);
    if (isStrict && owedMs > 0) return { isAccepted: false, throttleMs: owedMs };
    tokens.take(partitions);
    return { isAccepted: true, throttleMs: isStrict ? 0 : Math.min(tokens.owedMs(perSecond, burst, nowMs), throttleMsMax) };
  }

  /** What one fetch may bring at most: as much as the quota allows for all windows together, or no average could be held. */
  fetchBytesMax(client: Client): number {
    const { fetch } = this.#quotasOf(client);
    if (fetch === undefined) return Infinity;
    const { count, windowMs } = this.#windows;
    return Math.max(1, Math.floor((fetch.perSecond * Math.max(1, count - 1) * windowMs) / 1000));
  }

  #use(kind: string, { perSecond, sharers }: Quota, amount: number, nowMs: number): number {
    const rate = this.#rateOf(`${kind} ${sharers}`, nowMs);
    rate.record(amount, nowMs);
    return Math.min(rate.throttleMs(perSecond, nowMs), throttleMsMax);
  }

  #rateOf(key: string, nowMs: number): WindowedRate {
    const known = this.#rates.get(key);
    if (known !== undefined) this.#rates.delete(key);
    else if (this.#rates.size >= clientsMax) this.#dropRates(nowMs);
    const rate = known ?? new WindowedRate(this.#windows);
    this.#rates.set(key, rate);
    return rate;
  }

  #dropRates(nowMs: number): void {
    for (const [key, rate] of this.#rates) if (rate.isOver(nowMs)) this.#rates.delete(key);
    for (const key of this.#rates.keys()) {
      if (this.#rates.size < clientsMax) return;
      this.#rates.delete(key);
    }
  }

  #quotasOf(client: Client): Quotas {
    const list = this.#source();
    if (list !== this.#known) this.#learn(list);
    if (list.length === 0) return none;
    const key = JSON.stringify([client.user, client.clientId]);
    let quotas = this.#found.get(key);
    if (quotas === undefined) {
      if (this.#found.size >= clientsMax) this.#found.clear();
      quotas = {
        produce: this.#find(client, "producer_byte_rate", 1),
        fetch: this.#find(client, "consumer_byte_rate", 1),
        request: this.#find(client, "request_percentage", msPerPercent),
        mutation: this.#find(client, "controller_mutation_rate", 1),
      };
      this.#found.set(key, quotas);
    }
    return quotas;
  }

  #learn(list: readonly ClientQuota[]): void {
    this.#known = list;
    this.#values.clear();
    this.#found.clear();
    for (const { entity, values } of list) this.#values.set(entityKey(entity), values);
  }

  #find(client: Client, name: string, unit: number): Quota | undefined {
    for (const entity of nearestFirst(client)) {
      const value = this.#values.get(entityKey(entity))?.[name];
      if (value === undefined) continue;
      const sharers = JSON.stringify([
        entity.user === undefined ? null : client.user,
        entity["client-id"] === undefined ? null : client.clientId,
      ]);
      return { perSecond: value * unit, sharers };
    }
    return undefined;
  }
}

/** Kafka's order of precedence. */
function nearestFirst({ user, clientId }: Client): readonly QuotaEntity[] {
  return [
    { user, "client-id": clientId },
    { user, "client-id": null },
    { user },
    { user: null, "client-id": clientId },
    { user: null, "client-id": null },
    { user: null },
    { "client-id": clientId },
    { "client-id": null },
  ];
}

function entityKey({ user, "client-id": clientId, ip }: QuotaEntity): string {
  return JSON.stringify([user ?? user === null, clientId ?? clientId === null, ip ?? ip === null]);
}
