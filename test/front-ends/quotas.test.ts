/**
 * Clients beyond their quota, by a clock that the test moves: the answer leaves at once and says for how long, and nothing further of
 * the connection is begun before that. What such a client gets through is the quota, whatever it tries.
 */
import { describe, expect, test } from "vitest";
import { concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { Harness, heartbeatBytes, settled } from "./harness.ts";

const recordBytes = 20_000;
const anonymous = { user: "ANONYMOUS" };

function produceOf(correlationId: number, acks = -1): Uint8Array {
  const topicData = [{ name: "t", partitionData: [{ index: 0, records: new Uint8Array(recordBytes) }] }];
  return concatenate(encodeRequest(produce, 9, correlationId, "client", { acks, timeoutMs: 1000, topicData }));
}

function fetchOf(correlationId: number): Uint8Array {
  return concatenate(encodeRequest(fetch, 12, correlationId, "client", { maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 20 }));
}

function fetched(bytes: number) {
  return { responses: [{ topic: "t", partitions: [{ records: [new Uint8Array(bytes)], highWatermark: 1n }] }] };
}

function held(values: Record<string, number>): Harness {
  const harness = new Harness();
  harness.quotas = [{ entity: anonymous, values }];
  return harness;
}

const begun = (harness: Harness) => harness.calls.map((call) => call.context.correlationId);

describe("muting", () => {
  test("the answer leaves at once with its throttle time, the next request begins when that is over", async () => {
    const harness = held({ producer_byte_rate: 1000 });
    harness.front.push(produceOf(1));
    harness.calls[0]?.answer({ throttleTimeMs: 3 });
    await settled();
    const { throttleTimeMs } = decodeResponse(produce, 9, harness.frames[0]!).body;
    expect(throttleTimeMs).toBe(Math.round(produceOf(1).length - 4 - 10_000));
    harness.front.push(heartbeatBytes(2));
    expect(begun(harness)).toEqual([1]);
    expect(harness.front.connection.hasRoom).toBe(false);
    harness.advance(throttleTimeMs - 1);
    expect(begun(harness)).toEqual([1]);
    harness.advance(1);
    expect(begun(harness)).toEqual([1, 2]);
    expect(harness.front.connection.hasRoom).toBe(true);
  });

  test("[D3] a silent client that is muted costs no timer, one that has left neither", async () => {
    const harness = held({ producer_byte_rate: 1000 });
    harness.front.push(produceOf(1));
    harness.calls[0]?.answer({});
    await settled();
    expect(harness.timers.size).toBe(0);
    harness.front.push(heartbeatBytes(2));
    expect(harness.timers.size).toBe(1);
    harness.front.end();
    expect(harness.timers.size).toBe(0);
  });

  test("requests that were begun before go on, and the longest throttle counts", async () => {
    const harness = held({ producer_byte_rate: 1000 });
    for (const id of [1, 2]) {
      harness.front.push(produceOf(id));
      void harness.calls[id - 1]?.context.services.append([]);
    }
    for (const call of harness.calls) call.answer({});
    await settled();
    const [first, second] = harness.frames.map((frame) => decodeResponse(produce, 9, frame).body.throttleTimeMs);
    expect(second).toBeGreaterThan(first!);
    harness.front.push(heartbeatBytes(3));
    harness.advance(first!);
    expect(begun(harness)).toEqual([1, 2]);
    harness.advance(second! - first!);
    expect(begun(harness)).toEqual([1, 2, 3]);
  });

  test("without acks there is no answer to say it in, but the silence holds", async () => {
    const harness = held({ producer_byte_rate: 1000 });
    harness.front.push(produceOf(1, 0));
    harness.calls[0]?.answer(undefined);
    await settled();
    harness.front.push(heartbeatBytes(2));
    expect(begun(harness)).toEqual([1]);
    harness.advance(20_000);
    expect(begun(harness)).toEqual([1, 2]);
  });

  test("who makes too many partitions is not heard for as long as the answer says", async () => {
    const harness = held({ controller_mutation_rate: 1 });
    harness.front.push(heartbeatBytes(1));
    expect(harness.calls[0]?.context.mutate(14, false)).toEqual({ isAccepted: true, throttleMs: 3000 });
    harness.calls[0]?.answer({});
    await settled();
    harness.front.push(heartbeatBytes(2));
    harness.advance(2999);
    expect(begun(harness)).toEqual([1]);
    harness.advance(1);
    expect(begun(harness)).toEqual([1, 2]);
  });

  test("requests of any kind count as requests", async () => {
    const harness = held({ request_percentage: 0.01 });
    for (let id = 1; id <= 30; id++) {
      harness.front.push(heartbeatBytes(id));
      harness.calls.at(-1)?.answer({});
      await settled();
    }
    // A hundredth of a percent is one request a second: the ten seconds before the first are given.
    expect(begun(harness)).toHaveLength(10);
    harness.advance(1000);
    expect(begun(harness)).toHaveLength(11);
  });
});

describe("throughput is held to the quota", () => {
  const rate = 10_000;

  /** Sends whenever it may; answers at once. Returns the bytes that got through in the time given. */
  async function press(
    harness: Harness,
    frameOf: (id: number) => Uint8Array,
    answer: unknown,
    obeys: boolean,
    forMs: number,
  ): Promise<{ requests: number; throttles: number[] }> {
    const api = obeys ? produce : fetch;
    const throttles: number[] = [];
    let id = 0;
    let answered = 0;
    let silentUntilMs = 0;
    while (harness.nowMs < forMs) {
      // Java waits as it is told, others go on sending.
      if (harness.nowMs >= silentUntilMs && answered === id) harness.front.push(frameOf(++id));
      for (; answered < harness.calls.length; answered++) harness.calls[answered]!.answer(answer);
      await settled();
      for (const frame of harness.frames.splice(0)) {
        const { throttleTimeMs } = decodeResponse(api, api === produce ? 9 : 12, frame).body;
        throttles.push(throttleTimeMs);
        if (obeys) silentUntilMs = harness.nowMs + throttleTimeMs;
      }
      harness.advance(10);
    }
    return { requests: harness.calls.length, throttles };
  }

  test("a producer that waits as told", async () => {
    const { requests, throttles } = await press(held({ producer_byte_rate: rate }), produceOf, {}, true, 120_000);
    const perSecond = (requests * recordBytes) / 120;
    expect(perSecond).toBeGreaterThan(rate * 0.9);
    expect(perSecond).toBeLessThan(rate * 1.2);
    expect(throttles.some((throttleMs) => throttleMs > 0)).toBe(true);
  });

  test("a consumer that asks again at once", async () => {
    const { requests } = await press(held({ consumer_byte_rate: rate }), fetchOf, fetched(recordBytes), false, 120_000);
    const perSecond = (requests * recordBytes) / 120;
    expect(perSecond).toBeGreaterThan(rate * 0.9);
    expect(perSecond).toBeLessThan(rate * 1.2);
  });

  test("a client within its quota never hears of it", async () => {
    const harness = held({ consumer_byte_rate: rate * 1000 });
    const { throttles } = await press(harness, fetchOf, fetched(recordBytes), false, 1000);
    expect(new Set(throttles)).toEqual(new Set([0]));
  });
});
