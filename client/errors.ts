/**
 * What the client throws. Every error is a KafkaError with Kafka's code, its name and whether trying again can help, so that a caller
 * decides by `retriable` or by class and never by text. Misuse (a closed producer, a record that cannot be serialized) has classes too.
 */
import { errorCodes, errorOf, type ErrorName } from "../protocol/errors.ts";

export class KafkaError extends Error {
  override readonly name: string = "KafkaError";
  /** Kafka's number; −1 when Kafka has none for it. */
  readonly code: number;
  readonly codeName: ErrorName;
  readonly retriable: boolean;

  constructor(code: number, message?: string, options?: ErrorOptions) {
    const known = errorOf(code);
    super(message ?? known.message, options);
    this.code = code;
    this.codeName = known.name;
    this.retriable = known.retriable;
  }
}

/** A broker answered with an error code. */
export class BrokerError extends KafkaError {
  override readonly name = "BrokerError";

  constructor(code: number, context?: string, brokerMessage?: string | null) {
    const { name, message } = errorOf(code);
    super(code, `${context === undefined ? "" : `${context}: `}${name}: ${brokerMessage ?? message}`);
  }
}

/** The connection could not be opened, or broke before the answer came. */
export class NetworkError extends KafkaError {
  override readonly name = "NetworkError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.NETWORK_EXCEPTION, message, options);
  }
}

/** An answer, or a whole operation with its retries, took too long. */
export class TimeoutError extends KafkaError {
  override readonly name = "TimeoutError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.REQUEST_TIMED_OUT, message, options);
  }
}

export class UnsupportedVersionError extends KafkaError {
  override readonly name = "UnsupportedVersionError";

  constructor(message: string) {
    super(errorCodes.UNSUPPORTED_VERSION, message);
  }
}

/** Another producer took over the transactional id: this one can do nothing any more. */
export class FencedError extends KafkaError {
  override readonly name = "FencedError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.PRODUCER_FENCED, message, options);
  }
}

/** The transaction can only be aborted; the producer may begin another. `cause` says what went wrong. */
export class TransactionAbortedError extends KafkaError {
  override readonly name = "TransactionAbortedError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.TRANSACTION_ABORTABLE, message, options);
  }
}

/** A record read from the log cannot be opened: damaged, or in a codec that this runtime lacks. */
export class RecordError extends KafkaError {
  override readonly name = "RecordError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.CORRUPT_MESSAGE, message, options);
  }
}

/** A serializer or deserializer threw; `cause` is what it threw. */
export class SerializationError extends KafkaError {
  override readonly name = "SerializationError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.INVALID_RECORD, message, options);
  }
}

/** Used after it was closed, or against its rules. */
export class StateError extends KafkaError {
  override readonly name = "StateError";

  constructor(message: string) {
    super(errorCodes.UNKNOWN_SERVER_ERROR, message);
  }
}

/** Wrong use of an option or argument. */
export class ArgumentError extends KafkaError {
  override readonly name = "ArgumentError";

  constructor(message: string, options?: ErrorOptions) {
    super(errorCodes.INVALID_REQUEST, message, options);
  }
}

export function isRetriable(error: unknown): boolean {
  return error instanceof KafkaError && error.retriable;
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
