/** Calls to other objects that hang: they are given up in time, as if they had broken off. Types are those of workerd, the test is not. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { operatingErrorKind } from "../../../core/operating-error.ts";
import type { GroupClient } from "../../../core/group/group-client.ts";
import type { Env } from "../../../durable-objects/env.ts";
import { groupClient } from "../../../durable-objects/group-client.ts";
import { leaderClient } from "../../../durable-objects/leader-client.ts";

const facts = { clientId: "c", clientHost: "h" };
const loading = 14;

/** Every object of this deployment takes calls and answers none. */
function silence(): Env {
  const hangs = new Proxy({}, { get: () => async () => await new Promise(() => {}) });
  const namespace = { getByName: () => hangs, idFromName: () => "id", get: () => hangs };
  return { LEADER: namespace, GROUP: namespace } as unknown as Env;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function codeAfter(ms: number, answer: Promise<unknown>): Promise<number | undefined> {
  let code: number | undefined;
  void answer.then((value) => (code = (value as { errorCode: number }).errorCode));
  await vi.advanceTimersByTimeAsync(ms);
  return code;
}

describe("a group that hangs", () => {
  const join = (rebalanceTimeoutMs: number): Promise<unknown> => {
    const group: GroupClient = groupClient(silence(), "default", "g");
    const request = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs, memberId: "", groupInstanceId: null, protocolType: "consumer" };
    return group.joinGroup({ ...request, protocols: [] }, facts as never);
  };

  test("is coordinating nothing for whoever asked, once asked twice", async () => {
    const group = groupClient(silence(), "default", "g");
    expect(await codeAfter(30_000, group.describe())).toBe(loading);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a join may take as long as a rebalance", async () => {
    expect(await codeAfter(300_000, join(300_000))).toBeUndefined();
    expect(await codeAfter(330_000, join(300_000))).toBe(loading);
  });

  test("a rebalance without end does not make the limit wrap round", async () => {
    expect(await codeAfter(1000, join(2 ** 31 - 1))).toBeUndefined();
  });
});

test.each<[string, (leader: ReturnType<typeof leaderClient>) => Promise<unknown>]>([
  ["listOffsets", (leader) => leader.listOffsets([])],
  ["epochEnds", (leader) => leader.epochEnds([])],
  ["describePartitions", (leader) => leader.describePartitions([])],
  ["deleteRecords", (leader) => leader.deleteRecords([])],
])("a leader that hangs fails %s in a way that may be repeated", async (_name, call) => {
  const failed = call(leaderClient(silence(), "default", 0)).catch((error: unknown) => operatingErrorKind(error));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await failed).toBe("retry");
});
