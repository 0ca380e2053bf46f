/**
 * `kante/client`: Kafka for browsers, Workers, Node, Deno and Bun. `connect` opens nothing yet; producers, consumers and admin share
 * what is known of the cluster and reach its brokers over WebSocket (or whatever byte stream is handed in).
 */
import { type Clock, makeClock } from "./clock.ts";
import { Admin } from "./admin/admin.ts";
import { checkMethods, checkNumbers, checkTexts, int32Max } from "./checks.ts";
import { Consumer } from "./consumer/consumer.ts";
import type { ConsumerOptions } from "./consumer/options.ts";
import { type CloseOptions, asyncDispose, dispose } from "./dispose.ts";
import { ArgumentError } from "./errors.ts";
import type { ProducerOptions } from "./producer/options.ts";
import { Producer } from "./producer/producer.ts";
import type { Bytes } from "./serializers.ts";
import type { BackoffOptions } from "./wire/backoff.ts";
import { Cluster } from "./wire/cluster.ts";
import type { Transport } from "./wire/transport.ts";
import { type FetchLike, type WebSocketClass, webSocketTransport } from "./wire/websocket.ts";

export type { Admin, ClusterDescription, ConfigEntry, ConfigResource, NewTopic, PartitionSize } from "./admin/admin.ts";
export type { GroupDescription, GroupListing, GroupMemberDescription, OffsetChange, ResetOptions } from "./admin/groups.ts";
export type {
  PartitionProducers,
  ProducerDescription,
  TransactionDescription,
  TransactionFilter,
  TransactionListing,
} from "./admin/transactions.ts";
export type { Clock } from "./clock.ts";
export type { CloseOptions } from "./dispose.ts";
export type { Consumer } from "./consumer/consumer.ts";
export type { Isolation, OffsetAtTime } from "./consumer/offsets.ts";
export type { ConsumerBatch, ConsumerOptions, OffsetReset, PartitionStart } from "./consumer/options.ts";
export {
  ArgumentError,
  BrokerError,
  FencedError,
  KafkaError,
  NetworkError,
  RecordError,
  SerializationError,
  StateError,
  TimeoutError,
  TransactionAbortedError,
  UnsupportedVersionError,
} from "./errors.ts";
export { defaultPartitioner, stickyPartitioner, type Partitioner, type PartitionerInput } from "./producer/partitioner.ts";
export { murmur2 } from "./producer/murmur2.ts";
export type { Compression, ProducerOptions, SendOptions } from "./producer/options.ts";
export type { Producer, Transaction } from "./producer/producer.ts";
export type {
  ConsumerRecord,
  Header,
  ProducerRecord,
  RecordMetadata,
  TopicPartition,
  TopicPartitionOffset,
} from "./records/record.ts";
export { bytes, json, string, type Bytes, type Serializer } from "./serializers.ts";
export type { ByteStream, Endpoint, StreamEvents, Transport } from "./wire/transport.ts";
export type { GroupMetadata } from "./producer/transactions.ts";
export type { RetryOptions } from "./wire/cluster.ts";
export type { BrokerInfo, PartitionInfo, TopicInfo } from "./wire/metadata.ts";
export type { FetchLike, WebSocketClass, WebSocketLike } from "./wire/websocket.ts";

export interface ConnectOptions {
  /** Names this program to the broker, in logs and quotas. Default "kante". */
  readonly clientId?: string;
  /** Where the runtime has no WebSocket (Node 20): the class of the `ws` package. */
  readonly webSocket?: WebSocketClass;
  /** In a Worker: a service binding's fetch, `(url, init) => env.KANTE.fetch(url, init)`. */
  readonly fetch?: FetchLike;
  /** Another byte stream than WebSocket. */
  readonly transport?: Transport;
  /** For one answer of a broker. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** For an operation with all its attempts, where it has no timeout of its own. Default 60 s. */
  readonly operationTimeoutMs?: number;
  /** Between attempts to reach a broker. Default 50 ms to 5 s. */
  readonly reconnectBackoffMs?: readonly [min: number, max: number];
  /** Between attempts of a request. Default 50 ms to 1 s. */
  readonly retryBackoffMs?: readonly [min: number, max: number];
  /** After this metadata is asked for anew. Default 5 min. */
  readonly metadataMaxAgeMs?: number;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
}

export function connect(url: string | URL, options: ConnectOptions = {}): Client {
  return new Client(String(url), options);
}

export class Client {
  readonly #cluster: Cluster;
  readonly #parts = new Set<Part>();
  #consumers = 0;

  constructor(url: string, options: ConnectOptions) {
    const openTimeoutMs = 15_000;
    checkNumbers(options, { requestTimeoutMs: [1, int32Max], operationTimeoutMs: [0], metadataMaxAgeMs: [0] });
    checkMethods(options, { webSocket: [], fetch: [], transport: ["open"] });
    checkTexts(options, ["clientId"]);
    if (options.transport === undefined) checkUrl(url);
    this.#cluster = new Cluster({
      transport:
        options.transport ?? webSocketTransport({ url, openTimeoutMs, webSocket: options.webSocket, fetch: options.fetch }),
      clientId: options.clientId ?? "kante",
      clock: options.clock ?? makeClock(),
      requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
      operationTimeoutMs: options.operationTimeoutMs ?? 60_000,
      reconnectBackoff: backoffOf("reconnectBackoffMs", options.reconnectBackoffMs ?? [50, 5000]),
      retryBackoff: backoffOf("retryBackoffMs", options.retryBackoffMs ?? [50, 1000]),
      metadataMaxAgeMs: options.metadataMaxAgeMs ?? 300_000,
    });
  }

  producer<Key = Bytes, Value = Bytes>(options: ProducerOptions<Key, Value> = {}): Producer<Key, Value> {
    const producer = new Producer(this.#cluster, options, () => this.#parts.delete(producer));
    this.#parts.add(producer);
    return producer;
  }

  /** Reads nothing before it is iterated over. */
  consumer<Key = Uint8Array, Value = Uint8Array>(options: ConsumerOptions<Key, Value>): Consumer<Key, Value> {
    if (typeof options !== "object") throw new ArgumentError("a consumer is told what to read: { topics } or { partitions }");
    this.#consumers += 1;
    const consumer = new Consumer(this.#cluster, options, String(this.#consumers), () => this.#parts.delete(consumer));
    this.#parts.add(consumer);
    return consumer;
  }

  admin(): Admin {
    return new Admin(this.#cluster);
  }

  /**
   * Closes producers (delivering what they hold) and consumers (committing and leaving their groups), then the connections. A signal
   * ends the waiting: what is not delivered by then fails.
   */
  async close({ signal }: CloseOptions = {}): Promise<void> {
    const parts = [...this.#parts];
    this.#parts.clear();
    await Promise.allSettled(parts.map(async (part) => await part.close({ signal })));
    this.#cluster.close();
  }

  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends at once, as when the program had crashed. */
  [dispose](): void {
    for (const part of this.#parts) part[dispose]();
    this.#parts.clear();
    this.#cluster.close();
  }
}

function checkUrl(url: string): void {
  if (!URL.canParse(url)) throw new ArgumentError(`not a URL: ${url}`);
  const { protocol } = new URL(url);
  if (!["ws:", "wss:", "http:", "https:"].includes(protocol))
    throw new ArgumentError(
      `${url} is no address of a WebSocket: it begins with wss:// or ws://, and has the path /c/<cluster>/kafka`,
    );
}

function backoffOf(name: string, given: readonly [min: number, max: number]): BackoffOptions {
  const [minMs, maxMs] = Array.isArray(given) ? (given as readonly unknown[]) : [];
  if (typeof minMs !== "number" || typeof maxMs !== "number" || !(minMs >= 0 && maxMs >= minMs))
    throw new ArgumentError(`${name} must be two numbers, the least and the most`);
  return { minMs, maxMs };
}

interface Part {
  close(options?: CloseOptions): Promise<void>;
  [dispose](): void;
}
