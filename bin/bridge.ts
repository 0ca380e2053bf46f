/** `kante bridge`: reads the flags, starts the bridge, and says in one line what went wrong if it could not. */
import { startBridge } from "../bridge/bridge.ts";
import { Failure, errorCodeOf, messageOf, usageFailure } from "./failure.ts";
import { type Flags, describeFlags, parseFlags } from "./flags.ts";
import { toldToStop } from "./guard.ts";

const flags: Flags = {
  url: { value: "url", help: "the cluster: wss://<host>/c/<cluster>/kafka" },
  listen: { value: "host:port", standard: "127.0.0.1:9092", help: "local address of the first broker; the others follow" },
  brokers: { value: "count", standard: "1", help: "brokers of the zone, one local port each" },
  "advertised-host": { value: "name", standard: "the host listened on", help: "what clients are told to connect to" },
};

export function help(): string {
  return `Usage: kante bridge --url <url> [options]\n\nGives Kafka clients a local TCP address for a remote cluster.\n\nOptions:\n${describeFlags(flags)}`;
}

export async function run(args: readonly string[]): Promise<void> {
  const parsed = parseFlags("bridge", flags, args);
  const brokers = parsed.integer("brokers", 1, 100);
  const url = readUrl(parsed.text("url"));
  const { host, port } = readAddress(parsed.text("listen"), brokers);
  const advertisedHost = parsed.advertisedHost(host);
  const stop = toldToStop();
  const onProblem = (problem: string): void => console.error(`kante bridge: ${problem}`);
  const bridge = await startBridge({ url, host, port, brokers, advertisedHost, onProblem }).catch((error: unknown) => {
    throw failureOf(error, url);
  });
  const ports = Array.from({ length: brokers }, (_, node) => `${host.includes(":") ? `[${host}]` : host}:${port + node}`);
  console.log(`Kafka on ${ports.join(", ")}\nfrom  ${url.href}`);
  await stop;
  await bridge.close();
  process.exit(0);
}

function readUrl(text: string): URL {
  if (text === "") throw usageFailure("--url is missing", "bridge");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocols = new Map([
    ["http:", "ws:"],
    ["https:", "wss:"],
  ]);
  if (url !== undefined) url.protocol = protocols.get(url.protocol) ?? url.protocol;
  if (url === undefined || !["ws:", "wss:"].includes(url.protocol))
    throw usageFailure(`--url must look like wss://<host>/c/<cluster>/kafka, not ${JSON.stringify(text)}`, "bridge");
  if (url.pathname === "/") url.pathname = "/c/default/kafka";
  return url;
}

function readAddress(text: string, brokers: number): { host: string; port: number } {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]*)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(match?.["port"] ?? (/^\d{1,5}$/.test(text) ? text : Number.NaN));
  if (!(port >= 1) || port + brokers - 1 > 65_535)
    throw usageFailure(`--listen must look like 127.0.0.1:9092, not ${JSON.stringify(text)}`, "bridge");
  const host = match?.["bracketed"] ?? match?.["plain"] ?? "";
  return { host: host === "" ? "127.0.0.1" : host, port };
}

function failureOf(error: unknown, url: URL): Failure {
  const { port, address } = error as { port?: number; address?: string };
  if (errorCodeOf(error) === "EADDRINUSE")
    return new Failure(`port ${port ?? ""} on ${address ?? ""} is in use by another process; choose another with --listen`);
  if (["EACCES", "EADDRNOTAVAIL", "ENOTFOUND"].includes(errorCodeOf(error)))
    return new Failure(`cannot listen: ${messageOf(error)}`);
  return new Failure(`${url.href}: ${messageOf(error)}`);
}
