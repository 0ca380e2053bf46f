/**
 * The byte stream under a connection: bytes in, bytes out, and an end. Kafka's frames may be cut in any way. A transport opens such
 * streams; WebSocket is the one that comes with the library, others (a TCP socket, a test's own) can be handed to `connect`.
 */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface StreamEvents {
  readonly onBytes: (bytes: Uint8Array) => void;
  /** Called once, whoever ended it. */
  readonly onClose: (reason: string) => void;
}

export interface ByteStream {
  /** The chunks follow one another; they are not changed afterwards. */
  send(chunks: readonly Uint8Array[]): void;
  close(): void;
  /** Every request that was sent has been answered, so all of its bytes have been taken. */
  settled?(): void;
}

export interface Transport {
  /** The broker to begin with, as it is expected to call itself in metadata. */
  readonly bootstrap: Endpoint;
  /** Rejects with a NetworkError. */
  open(endpoint: Endpoint, events: StreamEvents): Promise<ByteStream>;
}
