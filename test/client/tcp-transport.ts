/** Kafka's own transport for the client library, so that what it does over WebSocket can be held against any Kafka broker. */
import { connect } from "node:net";
import { NetworkError } from "../../client/errors.ts";
import type { Transport } from "../../client/wire/transport.ts";

export function tcpTransport(bootstrapAddress: string): Transport {
  const [host = "", port = ""] = bootstrapAddress.split(":");
  return {
    bootstrap: { host, port: Number(port) },
    open: (endpoint, { onBytes, onClose }) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
        let isOpen = false;
        socket.once("connect", () => {
          isOpen = true;
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
        socket.once("error", (error) => {
          if (!isOpen) reject(new NetworkError(error.message));
        });
        socket.once("close", () => {
          if (isOpen) onClose("the socket was closed");
        });
      }),
  };
}
