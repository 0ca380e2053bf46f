/**
 * The bridge: local TCP ports for Kafka clients, each connection carried to the cluster over a WebSocket. It tells the server under
 * which address clients reach it, and the server renders that into its answers (D2). Nothing here knows Kafka.
 */
import { type Server, createServer } from "node:net";
import { Tunnel } from "./tunnel.ts";

export interface BridgeOptions {
  readonly url: URL;
  readonly host: string;
  /** Of the first broker; the others follow. */
  readonly port: number;
  readonly brokers: number;
  /** What clients can connect to, when it is not the host listened on. */
  readonly advertisedHost: string;
  readonly onProblem: (problem: string) => void;
}

export interface Bridge {
  readonly close: () => Promise<void>;
}

/** Rejects when the server cannot be reached or a port cannot be had. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  await tryServer(urlOf(options, 0));
  const tunnels = new Set<Tunnel>();
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    for (const tunnel of tunnels) tunnel.end();
    await Promise.all(servers.map(async (server) => await new Promise((resolve) => server.close(resolve))));
  };
  try {
    for (let node = 0; node < options.brokers; node++) servers.push(await listen(options, node, tunnels));
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

/** What a connection must know goes into the query; `flow` asks the server to say what it has taken. */
function urlOf(options: BridgeOptions, node: number): URL {
  const url = new URL(options.url);
  url.searchParams.set("node", String(node));
  url.searchParams.set("host", options.advertisedHost);
  url.searchParams.set("port", String(options.port));
  url.searchParams.set("flow", "1");
  return url;
}

async function tryServer(url: URL): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const trial = new Tunnel(url, undefined, {
      onOpen: () => {
        resolve();
        trial.end();
      },
      onEnd: (problem) => reject(new Error(problem ?? "the server closed the connection")),
    });
  });
}

async function listen(options: BridgeOptions, node: number, tunnels: Set<Tunnel>): Promise<Server> {
  const server = createServer((tcp) => {
    const tunnel = new Tunnel(urlOf(options, node), tcp, {
      onOpen: () => {},
      onEnd: (problem) => {
        tunnels.delete(tunnel);
        if (problem !== undefined) options.onProblem(problem);
      },
    });
    tunnels.add(tunnel);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port + node, options.host, resolve);
  });
  // A connection that cannot be accepted (no descriptors are left) is no reason to end the others.
  server.on("error", (error) => options.onProblem(`cannot accept a connection: ${error.message}`));
  return server;
}
