/**
 * Every setting of a deployment, its default and what it means: the one list behind wrangler variables, `npm start` flags and
 * DescribeConfigs of a broker. Names are Kafka's where Kafka has them.
 */
export const settingDefaults = {
  /** Bytes of a cell in one flush that may travel inside the commit; 0 switches the way off (D4). */
  "wal.inline.bytes": 64 * 1024,
  "wal.inline.bytes.per.second": 1024 * 1024,
  "wal.buffer.bytes": 8 * 1024 * 1024,
  "wal.puts.per.second": 4,
  "wal.puts.burst": 8,
  "wal.uploads.max": 3,
  "inline.drain.bytes": 4 * 1024 * 1024,
  "inline.bytes.max": 64 * 1024 * 1024,
  "cell.partitions.max": 1000,
  /** Write-ahead buffers, in flight, cache and responses of one broker (I8). */
  "broker.memory.bytes": 64 * 1024 * 1024,
  "brokers.per.zone": 1,
  "socket.request.max.bytes": 32 * 1024 * 1024,
  /** Requests of one connection that may be worked on side by side. */
  "connection.requests.max": 64,
  "message.max.bytes": 1048588,
  "fetch.max.bytes": 55 * 1024 * 1024,
  "num.partitions": 4,
  "auto.create.topics.enable": true,
  "producer.id.expiration.ms": 86_400_000,
  "group.initial.rebalance.delay.ms": 3000,
  "group.min.session.timeout.ms": 6000,
  "group.max.session.timeout.ms": 1_800_000,
  "offsets.retention.minutes": 10_080,
  "offset.metadata.max.bytes": 4096,
  "log.level": "info",
} as const satisfies Record<string, number | string | boolean>;

type Widen<T> = T extends number ? number : T extends boolean ? boolean : string;
export type SettingName = keyof typeof settingDefaults;
export type Settings = { readonly [Name in SettingName]: Widen<(typeof settingDefaults)[Name]> };
