/** The runner against a machine that the test plays: effects are carried out, answers come back once, and the timer is armed only when needed. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { BrokerEffect, BrokerEvent } from "../../core/broker/events.ts";
import type { CommitReply } from "../../core/coordinator.ts";
import { BrokerRunner } from "../../durable-objects/broker-runner.ts";
import { Log } from "../../durable-objects/log.ts";
import { Metrics } from "../../durable-objects/metrics.ts";
import { MemoryObjectStore } from "../../storage/memory.ts";
import { settled } from "../front-ends/harness.ts";

class FakeMachine {
  readonly events: BrokerEvent[] = [];
  /** What the next calls demand. */
  readonly effects: BrokerEffect[][] = [];
  deadline: number | undefined;
  acceptsRequests = true;
  throttleMs = 0;
  ticks = 0;

  handle(event: BrokerEvent): readonly BrokerEffect[] {
    this.events.push(event);
    return this.effects.shift() ?? [];
  }

  tick(): readonly BrokerEffect[] {
    this.ticks += 1;
    return this.effects.shift() ?? [];
  }

  nextDeadline(): number | undefined {
    return this.deadline;
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

const request = { items: [], minBytes: 1, maxBytes: 1, maxWaitMs: 1, readCommitted: false };
const commit: BrokerEffect = {
  kind: "commit",
  id: 9,
  cell: 3,
  request: { brokerId: 0, brokerEpoch: 1, number: 1, source: { kind: "object", sequence: 1, byteLength: 5 }, entries: [] },
};

function setUp() {
  const machine = new FakeMachine();
  const store = new MemoryObjectStore();
  const commits: PromiseWithResolvers<CommitReply>[] = [];
  const told: unknown[] = [];
  const runner = new BrokerRunner({
    machine,
    store,
    brokerId: 7,
    controller: { registerBroker: () => Promise.resolve({ brokerEpoch: 4 }) },
    coordinator: () => ({
      commit: () => {
        const pending = Promise.withResolvers<CommitReply>();
        commits.push(pending);
        return pending.promise;
      },
      findBatches: () => Promise.reject(new Error("the leader is away")),
      follow: () => new Promise(() => {}),
    }),
    onAccepts: () => told.push("accepts"),
    onBug: (error) => told.push(error),
    now: () => Date.now(),
    log: new Log("off", {}),
    metrics: new Metrics(),
  });
  return { machine, store, commits, told, runner };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1000 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("effects", () => {
  test("an append is answered with the outcomes that the machine gives it", async () => {
    const { machine, runner } = setUp();
    const outcomes = runner.append([]);
    const { id } = machine.events[0] as { id: number };
    machine.effects.push([{ kind: "append-done", id, outcomes: [] }]);
    runner.releaseRead(1);
    expect(await outcomes).toEqual([]);
  });

  test("what is put can be got, and each is answered once", async () => {
    const { machine, runner } = setUp();
    machine.effects.push([{ kind: "put", id: 1, key: "wal/0/1/1", bytes: Uint8Array.of(1, 2, 3) }]);
    runner.releaseRead(1);
    await settled();
    machine.effects.push([{ kind: "get", id: 2, key: "wal/0/1/1", start: 1, length: 9 }]);
    runner.releaseRead(1);
    await settled();
    expect(machine.events.filter(({ kind }) => kind !== "read-released")).toEqual([
      { kind: "put-done", id: 1 },
      { kind: "get-done", id: 2, bytes: Uint8Array.of(2, 3) },
    ]);
  });

  test("a call that fails says so", async () => {
    const { machine, runner } = setUp();
    machine.effects.push([{ kind: "find", id: 5, cell: 0, requests: [] }, { kind: "register" }]);
    runner.releaseRead(1);
    await settled();
    expect(machine.events.slice(1)).toContainEqual({ kind: "find-failed", id: 5, message: "the leader is away" });
    expect(machine.events.slice(1)).toContainEqual({ kind: "registered", brokerEpoch: 4 });
  });

  test("a call without an answer is given up, and an answer that comes later is not told", async () => {
    const { machine, commits, runner } = setUp();
    machine.effects.push([commit]);
    runner.releaseRead(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(machine.kinds).toEqual(["read-released", "commit-failed"]);
    commits[0]?.resolve({ kind: "fenced", brokerEpoch: 2 });
    await settled();
    expect(machine.kinds).toEqual(["read-released", "commit-failed"]);
  });

  test("a read that was cancelled is told to the machine once, one that is done not at all", () => {
    const { machine, runner } = setUp();
    const first = runner.beginRead(request).id;
    const second = runner.beginRead(request).id;
    machine.effects.push([{ kind: "read-done", id: second, outcomes: [] }]);
    runner.cancelRead(first);
    runner.cancelRead(first);
    runner.cancelRead(second);
    expect(machine.kinds).toEqual(["read", "read", "read-cancelled"]);
  });
});

describe("the timer", () => {
  test("[D3] is not armed while nothing depends on the clock, and no call under way is left behind", async () => {
    const { machine, commits, runner } = setUp();
    machine.effects.push([commit]);
    runner.releaseRead(1);
    commits[0]?.resolve({ kind: "fenced", brokerEpoch: 2 });
    await settled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ticks when the deadline has come, also one that was moved forward", () => {
    const { machine, runner } = setUp();
    machine.deadline = 1500;
    runner.releaseRead(1);
    machine.deadline = 1200;
    runner.releaseRead(1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(199);
    expect(machine.ticks).toBe(0);
    machine.deadline = undefined;
    vi.advanceTimersByTime(1);
    expect(machine.ticks).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("[D3] is disarmed when nothing waits any more", () => {
    const { machine, runner } = setUp();
    machine.deadline = 1500;
    runner.releaseRead(1);
    machine.deadline = undefined;
    runner.releaseRead(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a deadline in the past does not spin: the next turn comes a millisecond later", () => {
    const { machine, runner } = setUp();
    machine.deadline = 1;
    runner.releaseRead(1);
    vi.advanceTimersByTime(10);
    expect(machine.ticks).toBe(10);
  });
});

test("[I8] when memory comes free, those who wait are told once", () => {
  const { machine, told, runner } = setUp();
  machine.acceptsRequests = false;
  runner.releaseRead(1);
  machine.acceptsRequests = true;
  runner.releaseRead(1);
  runner.releaseRead(1);
  expect(told).toEqual(["accepts"]);
});

test("a machine that breaks is a bug of ours, and is reported as one", () => {
  const { machine, told, runner } = setUp();
  const bug = new Error("an assertion");
  machine.handle = () => {
    throw bug;
  };
  runner.releaseRead(1);
  expect(told).toEqual([bug]);
});
