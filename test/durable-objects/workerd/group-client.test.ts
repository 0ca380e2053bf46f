/** What a broker does when the call to a group breaks off: it is put again where that harms nobody, else the client is told. */
import { describe, expect, test } from "vitest";
import type { Env } from "../../../durable-objects/env.ts";
import { groupClient } from "../../../durable-objects/group-client.ts";

/** A group whose first call breaks off after it was carried out. */
function breaking(error: Error = new Error("the object was reset")) {
  const calls: string[] = [];
  const group = new Proxy(
    {},
    {
      get: (_, name) =>
        name === "then"
          ? undefined
          : async () => {
              calls.push(String(name));
              if (calls.length === 1) throw error;
              return { errorCode: 0 };
            },
    },
  );
  const env = { GROUP: { getByName: () => group } } as unknown as Env;
  return { calls, client: groupClient(env, "cluster", "group") };
}

const facts = { apiVersion: 1, clientId: "client", clientHost: "/127.0.0.1" };

describe("a call that breaks off", () => {
  test("a classic heartbeat is put once more", async () => {
    const { calls, client } = breaking();
    const answer = await client.heartbeat({ generationId: 1, memberId: "m", groupInstanceId: null });
    expect([answer.errorCode, calls]).toEqual([0, ["heartbeat", "heartbeat"]]);
  });

  test("it is not where the group has more to do than it can", async () => {
    const { calls, client } = breaking(Object.assign(new Error("Durable Object is overloaded."), { overloaded: true }));
    const answer = await client.heartbeat({ generationId: 1, memberId: "m", groupInstanceId: null });
    expect([answer.errorCode, calls]).toEqual([15, ["heartbeat"]]);
  });

  test("a consumer heartbeat is not: the lost answer may have named an assignment, which the second would leave out", async () => {
    const { calls, client } = breaking();
    const request = {
      memberId: "m",
      memberEpoch: 3,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
    };
    const answer = await client.consumerHeartbeat(request, facts);
    expect([answer.errorCode, calls]).toEqual([14, ["consumerHeartbeat"]]);
  });

  test("a commit is not: a later one of the same client may have overtaken it", async () => {
    const { calls, client } = breaking();
    const partitions = [{ partition: 0, offset: 1, leaderEpoch: -1, metadata: null }];
    const topics = [{ topicId: "00000000-0000-4000-8000-00000000000a", name: "a", partitions }];
    const request = { generationId: -1, memberId: "", groupInstanceId: null, retentionTimeMs: -1, topics };
    const answer = await client.commitOffsets(request, facts);
    expect([answer.partitionErrors, calls]).toEqual([[[14]], ["commitOffsets"]]);
  });
});
