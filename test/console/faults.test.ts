/** What went wrong, as the console tells it: every kind of error has a title and something to do. */
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  BrokerError,
  FencedError,
  NetworkError,
  TimeoutError,
  UnsupportedVersionError,
} from "../../client/client.ts";
import { type FaultKind, HttpError, againIfGone, faultOf } from "../../console/lib/faults.ts";
import { errorCodes } from "../../protocol/errors.ts";

describe("an error is told as", () => {
  test.each<[error: unknown, kind: FaultKind]>([
    [new BrokerError(errorCodes.TOPIC_AUTHORIZATION_FAILED), "unauthorised"],
    [new BrokerError(errorCodes.GROUP_AUTHORIZATION_FAILED), "unauthorised"],
    [new HttpError(401, "who are you"), "unauthorised"],
    [new HttpError(403, "not you"), "unauthorised"],
    [new HttpError(0, "a page to sign in"), "unauthorised"],
    [new NetworkError("the WebSocket failed"), "unreachable"],
    [new TimeoutError("too late"), "unreachable"],
    [new TypeError("Failed to fetch"), "unreachable"],
    [new DOMException("too late", "TimeoutError"), "unreachable"],
    [new BrokerError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "topic x"), "missing"],
    [new HttpError(404, "no"), "missing"],
    [new BrokerError(errorCodes.TOPIC_ALREADY_EXISTS), "refused"],
    [new BrokerError(errorCodes.INVALID_CONFIG, "configs of x", "must be a number"), "refused"],
    [new FencedError("gone"), "refused"],
    [new UnsupportedVersionError("old"), "refused"],
    [new ArgumentError("no"), "refused"],
    [new HttpError(500, "internal error"), "broken"],
    [new RangeError("a bug"), "broken"],
    ["a word", "broken"],
  ])("%s: %s", (error, kind) => {
    const fault = faultOf(error);
    expect(fault.kind).toBe(kind);
    expect(fault.title).not.toBe("");
    expect(fault.advice).toMatch(/\.$/);
    expect(fault.detail).toBe(error instanceof Error ? error.message : error);
  });

  test("what the broker said, word for word", () => {
    expect(faultOf(new BrokerError(errorCodes.INVALID_CONFIG, "configs of x", "must be a number")).detail).toContain(
      "must be a number",
    );
  });
});

test("a list is made once more when something of it has gone meanwhile, and for no other reason", async () => {
  const failing = (...errors: readonly Error[]) => {
    let calls = 0;
    const load = async (): Promise<string> => {
      const error = errors[calls++];
      if (error !== undefined) throw error;
      return `call ${calls}`;
    };
    return againIfGone(load);
  };
  const gone = new BrokerError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  await expect(failing()).resolves.toBe("call 1");
  await expect(failing(gone)).resolves.toBe("call 2");
  await expect(failing(gone, gone)).rejects.toBe(gone);
  const other = new NetworkError("the WebSocket failed");
  await expect(failing(other)).rejects.toBe(other);
});
