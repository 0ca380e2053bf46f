/** Stands between a client and the server and breaks all connections when told to, as a deploy does. */
import { type Socket, connect, createServer } from "node:net";

export interface CuttingProxy {
  readonly port: number;
  cut(): void;
  stop(): void;
}

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = connect(target, "127.0.0.1");
    for (const [from, to] of [[inbound, outbound] as const, [outbound, inbound] as const]) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    stop() {
      server.close();
      cut();
    },
  };
}
