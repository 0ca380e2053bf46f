/**
 * What went wrong, in words for whoever sits before it: a title, and what to do. The library's errors say what failed; this says what that
 * means here.
 */
import {
  ArgumentError,
  FencedError,
  KafkaError,
  NetworkError,
  TimeoutError,
  UnsupportedVersionError,
} from "../../client/client.ts";
import { errorCodes } from "../../protocol/errors.ts";

export type FaultKind = "unauthorised" | "unreachable" | "missing" | "refused" | "broken";

export interface Fault {
  readonly kind: FaultKind;
  readonly title: string;
  readonly advice: string;
  /** The error's own words. */
  readonly detail: string;
}

/** A public address answered with something else than success. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const unauthorisedCodes: ReadonlySet<number> = new Set([
  errorCodes.TOPIC_AUTHORIZATION_FAILED,
  errorCodes.GROUP_AUTHORIZATION_FAILED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
  errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errorCodes.SASL_AUTHENTICATION_FAILED,
]);
const missingCodes: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.GROUP_ID_NOT_FOUND,
  errorCodes.TRANSACTIONAL_ID_NOT_FOUND,
]);

const advices: Readonly<Record<number, string>> = {
  [errorCodes.TOPIC_ALREADY_EXISTS]: "Choose another name, or open the topic that has it.",
  [errorCodes.INVALID_TOPIC_EXCEPTION]: "A name has letters, digits, dots, dashes and underscores, at most 249.",
  [errorCodes.INVALID_PARTITIONS]: "Partitions can be added, never taken away.",
  [errorCodes.INVALID_CONFIG]: "Correct the value; the message says what it may be.",
  [errorCodes.POLICY_VIOLATION]: "The cluster's settings do not allow it. Ask whoever runs it.",
  [errorCodes.MESSAGE_TOO_LARGE]: "Send less at once, or raise the topic's max.message.bytes.",
  [errorCodes.INVALID_RECORD]: "The topic does not take such a record: a compacted topic needs a key.",
  [errorCodes.NON_EMPTY_GROUP]: "Stop the group's consumers first: a group with members keeps its own offsets.",
  [errorCodes.UNKNOWN_MEMBER_ID]: "Stop the group's consumers first: a group with members keeps its own offsets.",
  [errorCodes.OFFSET_OUT_OF_RANGE]: "The log does not reach there. Choose an offset between its start and its end.",
  [errorCodes.CONCURRENT_TRANSACTIONS]: "The transaction is being ended already. Look again in a moment.",
  [errorCodes.THROTTLING_QUOTA_EXCEEDED]: "A quota is spent. Wait a few seconds and try again.",
};

export function faultOf(error: unknown): Fault {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof HttpError) return httpFault(error, detail);
  if (isUnreachable(error))
    return {
      kind: "unreachable",
      title: "The cluster does not answer",
      advice: "Check that the server runs and that this device is online. The page goes on trying by itself.",
      detail,
    };
  if (error instanceof UnsupportedVersionError)
    return {
      kind: "refused",
      title: "The broker is older than this page",
      advice: "Reload the page, so that it matches what is deployed.",
      detail,
    };
  if (error instanceof FencedError)
    return { kind: "refused", title: "Another producer took over", advice: "Close this dialog and begin again.", detail };
  if (error instanceof ArgumentError)
    return { kind: "refused", title: "That cannot be asked", advice: "Correct what was entered.", detail };
  if (error instanceof KafkaError) return kafkaFault(error, detail);
  return {
    kind: "broken",
    title: "Something broke in this page",
    advice: "Reload it. If that does not help, report the words below.",
    detail,
  };
}

/** `fetch` says a TypeError when no answer came, and a DOMException when it took too long. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof NetworkError || error instanceof TimeoutError) return true;
  return error instanceof TypeError
    ? /fetch|network|load failed/i.test(error.message)
    : error instanceof DOMException && error.name === "TimeoutError";
}

function httpFault({ status }: HttpError, detail: string): Fault {
  if (status === 401 || status === 403 || status === 0) return unauthorised(detail);
  if (status === 404) return { kind: "missing", title: "Nothing there", advice: "It may be gone, or never have been.", detail };
  return {
    kind: "broken",
    title: "The server failed",
    advice: "Try again. If it goes on, look into the server's log: it says what broke.",
    detail,
  };
}

function kafkaFault({ code, retriable }: KafkaError, detail: string): Fault {
  if (unauthorisedCodes.has(code)) return unauthorised(detail);
  if (missingCodes.has(code))
    return {
      kind: "missing",
      title: "Not there",
      advice: "It may have been deleted, or is spelled otherwise. Case counts.",
      detail,
    };
  const standard = retriable ? "Try again in a moment." : "The broker said why; correct that and try again.";
  return { kind: "refused", title: "The broker refused", advice: advices[code] ?? standard, detail };
}

export function unauthorised(detail: string): Fault {
  return {
    kind: "unauthorised",
    title: "You may not see this",
    advice:
      "Sign in where this deployment asks for it, then reload. If you are signed in, ask whoever runs the cluster for access.",
    detail,
  };
}

/**
 * For what is listed and then asked about one by one: something that has gone in between is no fault of the list, which is made once more.
 */
export async function againIfGone<Value>(load: () => Promise<Value>): Promise<Value> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof KafkaError) || !missingCodes.has(error.code)) throw error;
    return await load();
  }
}
