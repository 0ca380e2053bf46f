/**
 * Log lines for machines: one JSON object per event that matters, through the console, which Cloudflare collects and the local
 * server passes to stderr. The event's name is constant text; what varies stands in fields.
 */
const levels = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = Exclude<(typeof levels)[number], "off">;
export type LogFields = Readonly<Record<string, unknown>>;

export class Log {
  readonly #threshold: number;
  readonly #fields: LogFields;

  constructor(level: string, fields: LogFields) {
    this.#threshold = Math.max(0, levels.indexOf(level.toLowerCase() as LogLevel));
    this.#fields = fields;
  }

  write(level: LogLevel, event: string, fields?: LogFields): void {
    if (levels.indexOf(level) < this.#threshold) return;
    console[level](JSON.stringify({ time: new Date().toISOString(), level, event, ...this.#fields, ...fields }, readable));
  }

  debug(event: string, fields?: LogFields): void {
    this.write("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.write("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.write("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.write("error", event, fields);
  }
}

function readable(_name: string, value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === "bigint" ? value.toString() : value;
}
