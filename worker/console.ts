/**
 * Serves the console's page and its files out of the static assets. The page may load nothing from elsewhere and speak to nobody but
 * this host, which its Content-Security-Policy says; whoever does not ask for HTML gets the list of addresses as text.
 */
import type { Context } from "hono";
import type { Env } from "../durable-objects/env.ts";

type ConsoleContext = Context<{ Bindings: Env }>;

const addresses = `Kante, a Kafka-compatible event log.

GET /                    the console, for browsers
GET /c/<cluster>/        the console of that cluster
GET /c/<cluster>/kafka   Kafka over WebSocket, subprotocol kafka
GET /health              is the Worker up
GET /metrics             figures for Prometheus
GET /cost                what it costs, so far and a month
GET /topics/<t>/extents  where a topic's bytes lie
POST /reconcile          compare the bucket with the cells
`;

/** The page compiles the kernels, which have an allowance of their own; nothing is ever made from text. */
function policyFor(url: URL): string {
  const socket = `${url.protocol === "https:" ? "wss" : "ws"}://${url.host}`;
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self'",
    // Not every browser counts the same host's WebSockets as 'self'.
    `connect-src 'self' ${socket}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

const common = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

export async function consolePage(context: ConsoleContext): Promise<Response> {
  const { ASSETS } = context.env;
  const wantsHtml = (context.req.header("accept") ?? "").includes("text/html");
  if (ASSETS === undefined || !wantsHtml) return context.text(addresses, 200, { vary: "accept" });
  const page = await ASSETS.fetch(new URL("/index.html", context.req.url));
  return new Response(page.body, {
    status: page.status,
    headers: {
      ...common,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policyFor(new URL(context.req.url)),
      "cross-origin-opener-policy": "same-origin",
      "cache-control": "no-cache",
      vary: "accept",
    },
  });
}

const contentTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Their names change with their contents. What kind a file is says its ending: the local server's folder knows of none. */
export async function consoleFile(context: ConsoleContext): Promise<Response> {
  const { path, url } = context.req;
  const contentType = /^\/console\/[\w-]+\.(?<ending>\w+)$/.exec(path)?.groups?.["ending"];
  const known = contentType === undefined ? undefined : contentTypes[contentType];
  const file = known === undefined ? undefined : await context.env.ASSETS?.fetch(new URL(path, url));
  if (file?.ok !== true || known === undefined) return context.text("no such page\n", 404);
  const cacheControl = path.endsWith(".svg") ? "no-cache" : "public, max-age=31536000, immutable";
  return new Response(file.body, { headers: { ...common, "content-type": known, "cache-control": cacheControl } });
}
