/** What a producer can be told, and what of it is refused. */
import { checkMethods, checkNumbers, checkTexts, checkWords, int32Max } from "../checks.ts";
import type { Bytes, Serializer } from "../serializers.ts";
import type { Partitioner } from "./partitioner.ts";

/** Zstandard is read, not written: no web platform has a compressor for it. */
export type Compression = "none" | "gzip" | "snappy" | "lz4";
export const codecs: readonly Compression[] = ["none", "gzip", "snappy", "lz4"];

export interface ProducerOptions<Key = Bytes, Value = Bytes> {
  /** How keys and values become bytes; bytes and text when left out. */
  readonly key?: Serializer<Key>;
  readonly value?: Serializer<Value>;
  /** Whose word counts: all replicas' (the default), the leader's, nobody's. */
  readonly acks?: "all" | 1 | 0;
  /** Default: true where acks is "all". Records are neither lost nor doubled nor reordered by retries. */
  readonly idempotent?: boolean;
  /** Makes the producer transactional. */
  readonly transactionalId?: string;
  /** After this a coordinator aborts an open transaction. Default 60 s. */
  readonly transactionTimeoutMs?: number;
  /** Default "none". */
  readonly compression?: Compression;
  /** How long a batch waits for company. Default 0: records gather only while requests are on their way. */
  readonly lingerMs?: number;
  /** Of a batch before compression. Default 1 020 KiB: with its request around it below Kafka's default limit of a batch, and in one message. */
  readonly batchBytes?: number;
  /** Of a request with several batches. Default 4 MiB. */
  readonly requestBytes?: number;
  /** Of all records that wait or are on their way. Default 32 MiB; `send` waits and `ready` is pending beyond. */
  readonly bufferBytes?: number;
  /** Requests on their way to one broker: 1 to 5, default 5. */
  readonly inFlight?: number;
  /** From `send` to success or failure, all attempts included. Default 120 s. */
  readonly deliveryTimeoutMs?: number;
  readonly partitioner?: Partitioner;
}

export interface SendOptions {
  /** Ends the waiting of this call. Records that were already handed to a batch may still be delivered. */
  readonly signal?: AbortSignal;
}

export function checkProducerOptions<Key, Value>(options: ProducerOptions<Key, Value>): void {
  checkWords(options, { acks: ["all", 1, 0], idempotent: [true, false] });
  checkTexts(options, ["transactionalId"]);
  checkMethods(options, { key: ["serialize"], value: ["serialize"], partitioner: [] });
  checkNumbers(options, {
    transactionTimeoutMs: [1, int32Max],
    lingerMs: [0],
    batchBytes: [1, int32Max],
    requestBytes: [1, int32Max],
    bufferBytes: [1],
    deliveryTimeoutMs: [0],
  });
}
