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
  /** While an object is on its way the next waits this long for company, or for half of wal.buffer.bytes; after its answer a quarter. */
  "wal.uploads.spacing.ms": 10,
  "inline.drain.bytes": 4 * 1024 * 1024,
  "inline.bytes.max": 64 * 1024 * 1024,
  /** Whether write-ahead objects are merged into larger ones (D11). */
  "merge.enabled": true,
  /** A cell merges when so many of its bytes lie in write-ahead objects, or when the oldest of them has waited for so long. */
  "merge.bytes": 64 * 1024 * 1024,
  "merge.interval.ms": 60_000,
  /** Merged objects of which at least half is read no more are written anew when so much of them has gone. */
  "merge.hollow.bytes": 1024 * 1024,
  /** Objects that merge: cells share them, and each keeps its memory within 32 MiB. */
  "mergers.max": 2,
  /** Of the time, how much a merger works at most; 1: all of it. For where it shares a thread with those who produce. */
  "merge.time.ratio": 1,
  /** How often a leader that is written to looks for partitions to compact. */
  "log.cleaner.backoff.ms": 15_000,
  /** Each commit is a request and a row for every cell that it touches, so few large cells are cheap (decision 13). */
  "cell.partitions.max": 4000,
  /** How often a leader that is written to looks for records that have become too old or too many. */
  "log.retention.check.interval.ms": 300_000,
  /** How long objects rest in the store after nothing refers to them: longer than any fetch may take that still reads them (I6). */
  "storage.delete.grace.ms": 600_000,
  /** Write-ahead buffers, in flight, cache and responses of one broker (I8). */
  "broker.memory.bytes": 64 * 1024 * 1024,
  /** Comma-separated, in an order that never changes: a node id is made of the zone's place and the broker's index. */
  zones: "local",
  "brokers.per.zone": 1,
  "socket.request.max.bytes": 32 * 1024 * 1024,
  /** TCP connections only: a WebSocket that sleeps costs nothing. 0: never. */
  "connections.max.idle.ms": 600_000,
  /** Requests of one connection that may be worked on side by side. */
  "connection.requests.max": 64,
  "message.max.bytes": 1048588,
  "fetch.max.bytes": 55 * 1024 * 1024,
  "num.partitions": 4,
  "auto.create.topics.enable": true,
  "producer.id.expiration.ms": 86_400_000,
  "transaction.max.timeout.ms": 900_000,
  "transactional.id.expiration.ms": 604_800_000,
  "group.initial.rebalance.delay.ms": 3000,
  "group.min.session.timeout.ms": 6000,
  "group.max.session.timeout.ms": 1_800_000,
  "group.max.size": 2_147_483_647,
  "group.consumer.session.timeout.ms": 45_000,
  "group.consumer.min.session.timeout.ms": 45_000,
  "group.consumer.max.session.timeout.ms": 60_000,
  "group.consumer.heartbeat.interval.ms": 5000,
  "group.consumer.min.heartbeat.interval.ms": 5000,
  "group.consumer.max.heartbeat.interval.ms": 15_000,
  /** Whether groups with members may change to the consumer protocol and back: bidirectional, upgrade, downgrade, disabled. */
  "group.consumer.migration.policy": "bidirectional",
  "group.consumer.max.size": 2_147_483_647,
  "offsets.retention.minutes": 10_080,
  "offset.metadata.max.bytes": 4096,
  /** How many windows of time a client's rate is measured over, and how long one is. */
  "quota.window.num": 11,
  "quota.window.size.seconds": 1,
  "log.level": "info",
} as const satisfies Record<string, number | string | boolean>;

type Widen<T> = T extends number ? number : T extends boolean ? boolean : string;
export type SettingName = keyof typeof settingDefaults;
export type Settings = { readonly [Name in SettingName]: Widen<(typeof settingDefaults)[Name]> };

/** The only values of a setting, where not every text will do. */
const choices: { readonly [Name in SettingName]?: readonly string[] } = {
  "group.consumer.migration.policy": ["bidirectional", "upgrade", "downgrade", "disabled"],
  "log.level": ["debug", "info", "warn", "error", "off"],
};

/** Counts and sizes without which nothing can work, or nothing would ever end; other numbers may be 0. */
const minimums: { readonly [Name in SettingName]?: number } = {
  "wal.buffer.bytes": 1,
  "wal.puts.burst": 1,
  "wal.uploads.max": 1,
  "cell.partitions.max": 1,
  "broker.memory.bytes": 1024 * 1024,
  "brokers.per.zone": 1,
  "socket.request.max.bytes": 1024,
  "connection.requests.max": 1,
  "message.max.bytes": 1,
  "fetch.max.bytes": 1,
  "num.partitions": 1,
  "group.max.size": 1,
  "group.consumer.max.size": 1,
  "quota.window.num": 1,
};

/** Rates and times that need not be whole, though more than nothing. */
const fractions: ReadonlySet<string> = new Set<SettingName>([
  "wal.puts.per.second",
  "quota.window.size.seconds",
  "merge.time.ratio",
]);

/** Other numbers may be as large as anybody likes. */
const maximums: { readonly [Name in SettingName]?: number } = { "merge.time.ratio": 1 };

function isNumberOf(name: SettingName, value: number): boolean {
  if (value > (maximums[name] ?? Infinity)) return false;
  return fractions.has(name) ? value > 0 : Number.isSafeInteger(value) && value >= (minimums[name] ?? 0);
}

/** Reads a value as the setting's own type; undefined when it cannot be one, or is one with which nothing would work. */
export function parseSetting(name: SettingName, value: unknown): number | string | boolean | undefined {
  const standard: number | string | boolean = settingDefaults[name];
  if (choices[name]?.includes(String(value).toLowerCase()) === false) return undefined;
  if (typeof value === typeof standard)
    return typeof value === "number" && !isNumberOf(name, value) ? undefined : (value as number | string | boolean);
  if (typeof value !== "string") return undefined;
  if (typeof standard === "boolean") return value === "true" ? true : value === "false" ? false : undefined;
  return /^\d+(\.\d+)?$/.test(value) && isNumberOf(name, Number(value)) ? Number(value) : undefined;
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingDefaults, name);
}

/** The defaults with overrides laid over them; `problems` names what was unknown or of the wrong type and left out. */
export function settingsFrom(overrides: Readonly<Record<string, unknown>>): { settings: Settings; problems: readonly string[] } {
  const settings: Record<string, number | string | boolean> = { ...settingDefaults };
  const problems: string[] = [];
  for (const [name, value] of Object.entries(overrides)) {
    const parsed = isSettingName(name) ? parseSetting(name, value) : undefined;
    if (parsed === undefined) problems.push(isSettingName(name) ? `${name} cannot be ${String(value)}` : `unknown setting ${name}`);
    else settings[name] = parsed;
  }
  return { settings: settings as Settings, problems };
}
