/** Records as callers write and read them. Offsets and timestamps are numbers: Kafka's stay far below 2^53. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number;
}

export interface Header {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface ProducerRecord<Key, Value> {
  readonly key?: Key | null;
  /** Null is a tombstone. */
  readonly value: Value | null;
  /** Text is sent as UTF-8. A key may come more than once: then give a list of headers. */
  readonly headers?:
    | Readonly<Record<string, Uint8Array | string | null>>
    | readonly { key: string; value: Uint8Array | string | null }[];
  /** Milliseconds since 1970; now, when left out. */
  readonly timestamp?: number | Date;
  /** The partitioner's choice, when left out. */
  readonly partition?: number;
}

/** Where a record went. */
export interface RecordMetadata extends TopicPartitionOffset {
  /** −1 when the broker did not say (acks 0). */
  readonly offset: number;
  /** The record's own, or the broker's where the topic stamps records when they are appended. */
  readonly timestamp: number;
}

export interface ConsumerRecord<Key, Value> extends TopicPartitionOffset {
  readonly key: Key | null;
  readonly value: Value | null;
  readonly headers: readonly Header[];
  readonly timestamp: number;
}

export function partitionKey(topic: string, partition: number): string {
  return `${partition} ${topic}`;
}
