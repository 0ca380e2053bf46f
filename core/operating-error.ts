/**
 * The one error type for operations that fail: a store that does not answer, an object that is damaged. Its kind says what the
 * caller should do, so nobody reads messages. Kafka outcomes are values and bugs are plain assertions; neither belongs here.
 */
export type OperatingErrorKind =
  /** Nothing is wrong with the request: do it again. It may have worked the first time. */
  | "retry"
  /** A newer epoch has taken over: stop. */
  | "fenced"
  /** The bytes are not what was written: repeating will not help. */
  | "corrupt"
  /** The request can never work. */
  | "invalid";

export class OperatingError extends Error {
  readonly kind: OperatingErrorKind;

  constructor(kind: OperatingErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "OperatingError";
    this.kind = kind;
  }
}

/** The kind by its property, not its class, because an error loses its class on the way through an RPC. Unknown failures are bugs. */
export function operatingErrorKind(error: unknown): OperatingErrorKind | undefined {
  if (error instanceof OperatingError) return error.kind;
  const kind = typeof error === "object" && error !== null && "kind" in error ? error.kind : undefined;
  return kind === "retry" || kind === "fenced" || kind === "corrupt" || kind === "invalid" ? kind : undefined;
}
