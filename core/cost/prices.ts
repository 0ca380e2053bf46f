/**
 * What the platform bills, and at which list price: the only place where a price stands. Source: developers.cloudflare.com, pages
 * r2/pricing, durable-objects/platform/pricing and workers/platform/pricing, as of November 2026. What a plan includes is not deducted.
 */
export interface Price {
  /** Dollars for `per` of them. */
  readonly usd: number;
  readonly per: number;
  readonly what: string;
}

export const prices = {
  "class-a": { usd: 4.5, per: 1e6, what: "R2 writes and lists" },
  "class-b": { usd: 0.36, per: 1e6, what: "R2 reads" },
  requests: { usd: 0.15, per: 1e6, what: "requests to Durable Objects" },
  "websocket-messages": { usd: 0.15, per: 20e6, what: "WebSocket messages received, twenty to a request" },
  "worker-requests": { usd: 0.3, per: 1e6, what: "requests to the Worker" },
  "gb-seconds": { usd: 12.5, per: 1e6, what: "Durable Objects awake, at 0.128 GB" },
  "rows-written": { usd: 1, per: 1e6, what: "rows written, alarms set among them" },
  "rows-read": { usd: 0.001, per: 1e6, what: "rows read" },
  "object-gb-months": { usd: 0.015, per: 1, what: "bytes in R2" },
  "row-gb-months": { usd: 0.2, per: 1, what: "bytes in Durable Objects' storage" },
} as const satisfies Record<string, Price>;

export type Billed = keyof typeof prices;

/** An object that is awake is billed for so much memory whatever it uses. */
export const objectGb = 0.128;
/** Of 30 days. */
export const monthMs = 30 * 86_400_000;
/** Of a client in one zone whose cluster spans three: two copies to other zones, two thirds of the produces. Amazon's price for both ends. */
export const crossZone = { usdPerGb: 0.02, crossings: 2 + 2 / 3 } as const;
