/** The rules of one connection, whatever its transport: order of answers, silence, room, and what ends it. */
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { OperatingError } from "../../core/operating-error.ts";
import { zoneOf } from "../../durable-objects/connection.ts";
import { decodeResponse, concatenate } from "../../protocol/codec.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import {
  commitBytes,
  consumerHeartbeatBytes,
  fetchBytes,
  Harness,
  heartbeatBytes,
  joinBytes,
  produceBytes,
  rawRequest,
  settled,
} from "./harness.ts";

describe("order", () => {
  test("requests are worked on side by side, answers leave in the order of requests", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.front.push(heartbeatBytes(id));
    expect(harness.calls).toHaveLength(3);
    harness.calls[2]?.answer({});
    harness.calls[1]?.answer({});
    await settled();
    expect(harness.correlationIds).toEqual([]);
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.correlationIds).toEqual([1, 2, 3]);
  });

  test("a request that gets no answer (acks=0) holds nobody up", async () => {
    const harness = new Harness();
    for (const id of [1, 2]) harness.front.push(heartbeatBytes(id));
    harness.calls[1]?.answer({});
    harness.calls[0]?.answer(undefined);
    await settled();
    expect(harness.correlationIds).toEqual([2]);
  });

  test("a produce request is not begun before the one before it has handed over its records", async () => {
    const harness = new Harness();
    harness.front.push(produceBytes(1));
    harness.front.push(produceBytes(2));
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1]);
    void harness.calls[0]?.context.services.append([]);
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1, 2]);
  });

  test("a produce request that appends nothing lets the next one begin with its answer", async () => {
    const harness = new Harness();
    harness.front.push(produceBytes(1));
    harness.front.push(produceBytes(2));
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.calls).toHaveLength(2);
  });

  test("[I8] a fetch behind a join that waits for others is not begun: its answer would hold memory for as long", async () => {
    const harness = new Harness();
    const begun = () => harness.calls.map((call) => call.context.correlationId);
    for (const bytes of [joinBytes(1), heartbeatBytes(2), fetchBytes(3)]) harness.front.push(bytes);
    expect(begun()).toEqual([1, 2]);
    harness.calls[0]?.answer({});
    await settled();
    expect(begun()).toEqual([1, 2, 3]);
  });

  test("what follows a change sees it: all but produce and fetch waits for its answer", async () => {
    const harness = new Harness();
    const begun = () => harness.calls.map((call) => call.context.correlationId);
    for (const bytes of [heartbeatBytes(1), commitBytes(2), fetchBytes(3), produceBytes(4), heartbeatBytes(5)])
      harness.front.push(bytes);
    expect(begun()).toEqual([1, 2, 3, 4]);
    harness.calls[1]?.answer({});
    await settled();
    expect(begun()).toEqual([1, 2, 3, 4, 5]);
    expect(harness.correlationIds).toEqual([]);
  });

  test("of a member's heartbeats by the newer protocol the first is heard first: one may join, the next leave", async () => {
    const harness = new Harness();
    const begun = () => harness.calls.map((call) => call.context.correlationId);
    for (const bytes of [consumerHeartbeatBytes(1), consumerHeartbeatBytes(2)]) harness.front.push(bytes);
    expect(begun()).toEqual([1]);
    harness.calls[0]?.answer({});
    await settled();
    expect(begun()).toEqual([1, 2]);
  });

  test("[I8] a fetch is not begun before the one before it was answered: it would hold memory that the first may wait for", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.front.push(fetchBytes(id));
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1]);
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1, 2]);
    harness.calls[1]?.answer({});
    await settled();
    expect(harness.correlationIds).toEqual([1, 2]);
    expect(harness.calls).toHaveLength(3);
  });

  test("[D1] whatever order handlers finish in, and however bytes are split, answers are in order and none is missing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        async (priorities, splits, requestsMax) => {
          const harness = new Harness({ requestsMax });
          const bytes = concatenate(priorities.map((_, id) => heartbeatBytes(id)));
          for (let at = 0, index = 0; at < bytes.byteLength; index++) {
            const size = splits[index % splits.length] ?? 1;
            harness.front.push(bytes.slice(at, at + size));
            at += size;
          }
          const answered = new Set<number>();
          while (answered.size < priorities.length) {
            expect(harness.calls.length - answered.size).toBeLessThanOrEqual(requestsMax);
            const open = harness.calls.filter((call) => !answered.has(call.context.correlationId));
            open.sort(
              (one, other) => (priorities[one.context.correlationId] ?? 0) - (priorities[other.context.correlationId] ?? 0),
            );
            answered.add(open[0]?.context.correlationId ?? -1);
            open[0]?.answer({});
            await settled();
          }
          expect(harness.correlationIds).toEqual(priorities.map((_, id) => id));
        },
      ),
    );
  });
});

describe("room", () => {
  test("no more requests than connection.requests.max are under way", async () => {
    const harness = new Harness({ requestsMax: 2 });
    for (const id of [1, 2, 3]) harness.front.push(heartbeatBytes(id));
    expect(harness.calls).toHaveLength(2);
    expect(harness.front.connection.hasRoom).toBe(false);
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.calls).toHaveLength(3);
    expect(harness.front.connection.hasRoom).toBe(true);
  });

  test("[I8] while memory is spent produce requests wait, others don't", () => {
    const harness = new Harness();
    harness.accepts = false;
    harness.front.push(heartbeatBytes(1));
    harness.front.push(produceBytes(2));
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1]);
    expect(harness.front.connection.hasRoom).toBe(false);
    harness.accepts = true;
    harness.front.connection.resume();
    expect(harness.calls.map((call) => call.context.correlationId)).toEqual([1, 2]);
    expect(harness.front.connection.hasRoom).toBe(true);
  });
});

describe("the memory of reads", () => {
  test("a read is given back when its answer has left", async () => {
    const harness = new Harness();
    harness.front.push(heartbeatBytes(1));
    const call = harness.calls[0];
    await call?.context.services.read({ items: [], minBytes: 1, maxBytes: 1, maxWaitMs: 1, readCommitted: false });
    expect(harness.ledger.log).toEqual(["begin 1"]);
    call?.answer({});
    await settled();
    expect(harness.ledger.log).toEqual(["begin 1", "release 1"]);
  });

  test("reads that wait are cancelled when the client is gone", () => {
    const harness = new Harness();
    harness.front.push(heartbeatBytes(1));
    void harness.calls[0]?.context.services.read({ items: [], minBytes: 1, maxBytes: 1, maxWaitMs: 1, readCommitted: false });
    harness.front.end();
    expect(harness.ledger.log).toEqual(["begin 1", "cancel 1"]);
    expect(harness.ended).toBe(1);
  });
});

describe("what ends a connection", () => {
  const cases: readonly [title: string, bytes: Uint8Array][] = [
    ["an unknown API", rawRequest(9999, 0, 2)],
    ["a version that is not served", rawRequest(12, 99, 2)],
    ["a body that ends too early", rawRequest(12, 4, 2, [0])],
    ["a negative length", new Uint8Array([0xff, 0xff, 0xff, 0xff])],
    ["a length above the limit", new Uint8Array([0x7f, 0xff, 0xff, 0xff])],
    ["a frame without a header", new Uint8Array([0, 0, 0, 1, 0])],
  ];
  test.each(cases)("[I9] %s, after the answers before it", async (_title, bytes) => {
    const harness = new Harness();
    harness.front.push(heartbeatBytes(1));
    harness.front.push(bytes);
    harness.front.push(heartbeatBytes(3));
    await settled();
    expect(harness.closed).toEqual([]);
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.correlationIds).toEqual([1]);
    expect(harness.closed).toHaveLength(1);
    expect(harness.calls).toHaveLength(1);
    expect(harness.ended).toBe(1);
  });

  test("[I9] a handler that throws, and only its own connection", async () => {
    const bad = new Harness();
    const good = new Harness();
    for (const harness of [bad, good]) harness.front.push(heartbeatBytes(1));
    bad.calls[0]?.throw(new Error("a bug"));
    good.calls[0]?.answer({});
    await settled();
    expect(bad.closed).toEqual(["internal error"]);
    expect(good.closed).toEqual([]);
    expect(good.correlationIds).toEqual([1]);
  });

  test.each([
    ["a controller that is gone", new OperatingError("retry", "gone"), ["warn", "request-failed", "gone"]],
    ["a refused produce without acks", new OperatingError("invalid", "refused"), ["warn", "request-failed", "refused"]],
    ["what was damaged", new OperatingError("corrupt", "damaged"), ["error", "request-broken", undefined]],
    ["a bug", new Error("a bug"), ["error", "request-broken", undefined]],
  ])("the log tells %s from what needs looking into", async (_name, error, expected) => {
    const harness = new Harness();
    const write = vi.spyOn(harness.log, "write");
    harness.front.push(produceBytes(1));
    harness.calls[0]?.throw(error);
    await settled();
    expect(harness.closed).toEqual(["internal error"]);
    expect(write.mock.calls.map(([level, event, fields]) => [level, event, fields?.["reason"]])).toEqual([expected]);
    // An error stands in the log with its stack.
    const stacks = write.mock.calls.flatMap(([, , fields = {}]) => Object.values(fields)).filter((value) => value instanceof Error);
    expect(stacks).toHaveLength(expected[0] === "error" ? 1 : 0);
  });

  test("[I9] an answer that cannot be encoded", async () => {
    const harness = new Harness();
    harness.front.push(heartbeatBytes(1));
    harness.calls[0]?.answer({ throttleTimeMs: 1n });
    await settled();
    expect(harness.closed).toEqual(["internal error"]);
  });

  test("[I9] random and mutated bytes end it or are answered, but never throw", async () => {
    const mutation = fc.record({ at: fc.nat(100), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.array(mutation, { maxLength: 4 })), { maxLength: 8 }),
        async (inputs) => {
          const harness = new Harness();
          harness.onCall = (call) => call.answer({});
          for (const [id, input] of inputs.entries()) {
            const bytes = input instanceof Uint8Array ? input : heartbeatBytes(id);
            if (!(input instanceof Uint8Array)) for (const { at, byte } of input) bytes[at % bytes.byteLength] = byte;
            harness.front.push(bytes.slice());
          }
          await settled();
          expect(harness.closed.length).toBeLessThanOrEqual(1);
          const other = new Harness();
          other.onCall = (call) => call.answer({});
          other.front.push(heartbeatBytes(7));
          await settled();
          expect(other.correlationIds).toEqual([7]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test("an ApiVersions of the future is answered in version 0 with error 35 and the versions of this API alone", async () => {
  const harness = new Harness();
  harness.front.push(rawRequest(18, 5, 42, [0]));
  await settled();
  const { correlationId, body } = decodeResponse(apiVersions, 0, harness.frames[0] ?? new Uint8Array(0));
  expect(correlationId).toBe(42);
  expect(body).toMatchObject({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] });
  expect(harness.closed).toEqual([]);
});

test.each([
  [null, undefined],
  ["my-client", undefined],
  ["diskless_az=weur", "weur"],
  ["app,diskless_az=eeur,x=1", "eeur"],
  ["notdiskless_az=weur", undefined],
])("[D14] the zone in client id %j is %j", (clientId, zone) => {
  expect(zoneOf(clientId)).toBe(zone);
});
