/**
 * Kafka's own TCP for programs in Node, exported as `kante/client/tcp`: it spares them WebSocket's masking, which Node does in JavaScript,
 * and reaches any Kafka broker. It is the only part of the library that needs Node, and a module of its own for that reason.
 */
import { connect } from "node:net";
import { ArgumentError, NetworkError } from "./errors.ts";
import type { Transport } from "./wire/transport.ts";

export interface TcpTransportOptions {
  readonly openTimeoutMs?: number;
}

/** For `connect("", { transport })`. The address is `host:port` of a broker, an IPv6 host in brackets. */
export function tcpTransport(address: string, { openTimeoutMs = 10_000 }: TcpTransportOptions = {}): Transport {
  const { six, host = six, port } = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(address)?.groups ?? {};
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new ArgumentError(`an address is host:port, not ${address}`);
  return {
    bootstrap: { host, port: Number(port) },
    open: (endpoint, { onBytes, onClose }) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
        let isOpen = false;
        let failure = "the socket was closed";
        const timer = setTimeout(() => socket.destroy(new Error("it did not open in time")), openTimeoutMs);
        socket.once("connect", () => {
          isOpen = true;
          clearTimeout(timer);
          resolve({
            send(chunks) {
              socket.cork();
              for (const chunk of chunks) socket.write(chunk);
              socket.uncork();
            },
            close: () => socket.destroy(),
          });
        });
        socket.on("data", (chunk) => onBytes(chunk));
        socket.on("error", ({ message }) => {
          failure = message;
        });
        socket.once("close", () => {
          clearTimeout(timer);
          if (isOpen) onClose(failure);
          else reject(new NetworkError(`cannot connect to ${endpoint.host}:${endpoint.port}: ${failure}`));
        });
      }),
  };
}
