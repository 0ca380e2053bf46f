/**
 * The producer's sender, with a virtual clock, against brokers that lose answers, refuse for a while, answer late and forget: whatever
 * happens, what is acknowledged is in the log once, in order, and every send is settled.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeClock } from "../../client/clock.ts";
import { NetworkError } from "../../client/errors.ts";
import { Accumulator } from "../../client/producer/accumulator.ts";
import { Delivery } from "../../client/producer/delivery.ts";
import { Sender, type SenderOptions } from "../../client/producer/sender.ts";
import { Sequences } from "../../client/producer/sequences.ts";
import { Metadata } from "../../client/wire/metadata.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { produce } from "../../protocol/messages/00-produce.ts";
import type { RequestInput } from "../../protocol/schema.ts";
import { FakeLog } from "./fake-log.ts";
import { VirtualTime } from "./virtual-clock.ts";

type Fate = "fine" | "lost before" | "lost after" | "not leader" | "busy" | "too large";

interface Play {
  /** Of each request in turn; fine when they are used up. */
  readonly fates: readonly Fate[];
  readonly partitions?: number;
  readonly deliveryTimeoutMs?: number;
  readonly latencyMs?: readonly number[];
}

function play({ fates, partitions = 2, deliveryTimeoutMs = 1e9, latencyMs = [5] }: Play) {
  const time = new VirtualTime();
  const clock = makeClock(time);
  const logs = Array.from({ length: partitions }, () => new FakeLog());
  const left = [...fates];
  let latency = 0;
  let epoch = -1;
  const metadata = new Metadata();
  metadata.update({
    brokers: [{ nodeId: 1, host: "h", port: 1, rack: null }],
    controllerId: 1,
    clusterId: "c",
    topics: [
      {
        errorCode: 0,
        name: "t",
        topicId: "11111111-1111-1111-1111-111111111111",
        isInternal: false,
        partitions: logs.map((_, partitionIndex) => ({ partitionIndex, leaderId: 1, leaderEpoch: 1, errorCode: 0 })),
      },
    ],
  } as never);
  const later = <Value>(value: () => Value): Promise<Value> =>
    new Promise((resolve, reject) => {
      clock.after(latencyMs[latency++ % latencyMs.length]!, () => {
        try {
          resolve(value());
        } catch (error) {
          reject(error);
        }
      });
    });
  /** A connection answers in order: what is asked later is not answered before. */
  let line: Promise<unknown> = Promise.resolve();
  const answer = (body: RequestInput<typeof produce>, fate: Fate) => {
    if (fate === "lost before") throw new NetworkError("lost");
    const partitionResponses = body.topicData![0]!.partitionData!.map(({ index, records }) => {
      const refusals: Partial<Record<Fate, number>> = {
        "not leader": errorCodes.NOT_LEADER_OR_FOLLOWER,
        busy: errorCodes.NOT_ENOUGH_REPLICAS,
        "too large": errorCodes.INVALID_RECORD,
      };
      const outcome =
        refusals[fate] === undefined ? logs[index!]!.append(records as Uint8Array) : { errorCode: refusals[fate], baseOffset: -1 };
      return {
        index: index!,
        errorCode: outcome.errorCode,
        baseOffset: BigInt(outcome.baseOffset),
        logAppendTimeMs: -1n,
        recordErrors: [],
        errorMessage: null,
        currentLeader: { leaderId: -1, leaderEpoch: -1 },
      };
    });
    if (fate === "lost after") throw new NetworkError("lost");
    return {
      version: 9,
      body: { responses: [{ name: "t", topicId: "", partitionResponses }], nodeEndpoints: [], throttleTimeMs: 0 },
    };
  };
  const accumulator = new Accumulator({ batchBytes: 120, codec: 0, isTransactional: false });
  const sequences = new Sequences(false);
  const cluster = {
    clock,
    metadata,
    options: { requestTimeoutMs: 1000, retryBackoff: { minMs: 10, maxMs: 50 } },
    refresh: async () => await later(() => new Map()),
    callOnce: async (_target: unknown, _api: unknown, body: RequestInput<typeof produce>) => {
      const fate = left.shift() ?? "fine";
      // Copied when it is sent, as a socket does.
      const sent = structuredClone(body);
      const before = line;
      const mine = (async () => {
        await before.catch(() => {});
        return await later(() => answer(sent, fate));
      })();
      line = mine;
      return await mine;
    },
  } as unknown as SenderOptions["cluster"];
  const sender = new Sender({
    cluster,
    accumulator,
    sequences,
    transaction: undefined,
    acks: -1,
    lingerMs: 0,
    deliveryTimeoutMs,
    requestBytesMax: 1e6,
    inFlightMax: 5,
    obtainIdentity: async () => {
      epoch += 1;
      sequences.assigned({ producerId: 7, epoch });
    },
    onSent: () => {},
    onSettled: () => {},
  });
  const outcomes = new Map<string, "acknowledged" | "failed">();
  const send = (value: string, partition: number): void => {
    const delivery = new Delivery(1);
    const record = { timestamp: 1, key: null, value: new TextEncoder().encode(value), headers: [], sizeMax: 40 + value.length };
    accumulator.append("t", partition, record, delivery, 0, clock.now());
    delivery.done.then(
      () => outcomes.set(value, "acknowledged"),
      () => outcomes.set(value, "failed"),
    );
    sender.wake();
  };
  /** Until everything is settled; the virtual time goes as far as that takes. */
  const settle = async (count: number): Promise<void> => {
    for (let steps = 0; outcomes.size < count; steps++) {
      if (steps > 20_000) throw new Error(`${count - outcomes.size} of ${count} are never settled`);
      await everythingElse();
      time.step();
    }
  };
  return { send, settle, logs, outcomes, accumulator, time, epoch: () => epoch };
}

/** What is due without time passing. */
function everythingElse(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function sendAll(game: ReturnType<typeof play>, count: number, partitions = 2): Promise<void> {
  for (let index = 0; index < count; index++) {
    game.send(`${index}`, index % partitions);
    if (index % 7 === 0) {
      await everythingElse();
      game.time.step();
    }
  }
  await game.settle(count);
}

describe("an idempotent sender", () => {
  const retriable: readonly Fate[] = ["fine", "lost before", "lost after", "not leader", "busy"];

  test("whatever is lost or refused for a while: everything is there once and in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...retriable), { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        async (fates, latencyMs) => {
          const game = play({ fates, latencyMs });
          await sendAll(game, 120);
          for (const [partition, log] of game.logs.entries())
            expect(log.values).toEqual(Array.from({ length: 60 }, (_, index) => String(index * 2 + partition)));
          expect(game.accumulator.bytes).toBe(0);
          expect(game.epoch()).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("what is refused for good fails alone; the rest is there once and in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom<Fate>("fine", "lost before", "not leader", "busy", "too large"), { maxLength: 60 }),
        async (fates) => {
          const game = play({ fates });
          await sendAll(game, 120);
          const acknowledged = (partition: number) =>
            Array.from({ length: 60 }, (_, index) => String(index * 2 + partition)).filter(
              (value) => game.outcomes.get(value) === "acknowledged",
            );
          for (const [partition, log] of game.logs.entries()) expect(log.values).toEqual(acknowledged(partition));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("what was given up without an answer leaves no gap: a new epoch begins, and later records arrive", async () => {
    const fates = Array.from({ length: 40 }, (): Fate => "lost after");
    const game = play({ fates, deliveryTimeoutMs: 300, partitions: 1 });
    game.send("given up", 0);
    await game.settle(1);
    expect(game.outcomes.get("given up")).toBe("failed");
    game.send("later", 0);
    for (let steps = 0; game.outcomes.get("later") !== "acknowledged"; steps++) {
      expect(steps).toBeLessThan(5000);
      if (game.outcomes.get("later") === "failed") {
        game.outcomes.delete("later");
        game.send("later", 0);
      }
      await everythingElse();
      game.time.step();
    }
    expect(game.logs[0]!.values.at(-1)).toBe("later");
    expect(game.epoch()).toBeGreaterThan(0);
  });

  test("a broker that has lost track of the producer is given a new epoch, and everything arrives", async () => {
    const game = play({ fates: [], partitions: 1 });
    game.send("0", 0);
    await game.settle(1);
    game.send("1", 0);
    await game.settle(2);
    // It remembers an epoch and a sequence that are not this producer's.
    game.logs[0]!.forget();
    const stranger = play({ fates: [], partitions: 1 });
    stranger.send("stranger", 0);
    await stranger.settle(1);
    Object.assign(game.logs, { 0: stranger.logs[0] });
    game.send("2", 0);
    await game.settle(3);
    expect(game.logs[0]!.values).toEqual(["stranger", "2"]);
    expect(game.epoch()).toBe(1);
  });

  test("sequences begin again behind 2^31 − 1", () => {
    const sequences = new Sequences(false);
    sequences.assigned({ producerId: 1, epoch: 0 });
    const batch = (recordCount: number) =>
      ({ key: "0 t", recordCount, baseSequence: -1, isRenumbered: false }) as never as Parameters<Sequences["sending"]>[0];
    const first = batch(2 ** 31 - 2);
    sequences.sending(first);
    sequences.succeeded(first);
    const second = batch(5);
    sequences.sending(second);
    expect(second.baseSequence).toBe(2 ** 31 - 2);
    sequences.succeeded(second);
    const third = batch(1);
    sequences.sending(third);
    expect(third.baseSequence).toBe(3);
  });
});
