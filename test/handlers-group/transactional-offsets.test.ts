/** TxnOffsetCommit in every version: on the coordinator's word, pending until the end, in the codes that the version's clients know. */
import { describe, expect, test } from "vitest";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { addOffsetsToTxn } from "../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import { Cluster } from "./cluster.ts";

const versions = [0, 1, 2, 3, 4, 5] as const;
const unknownTopic = 3;
const illegalGeneration = 22;
const invalidProducerEpoch = 47;
const invalidTxnState = 48;
const unstable = 88;
const abortable = 120;

class Client {
  readonly cluster = new Cluster();
  producerId = -1n;

  static async open(): Promise<Client> {
    const client = new Client();
    client.cluster.addTopic("t", "11111111-1111-4111-8111-111111111111");
    const request = { transactionalId: "tx", transactionTimeoutMs: 60_000 };
    client.producerId = (await client.cluster.send(initProducerId, 5, request)).producerId;
    return client;
  }

  async add(): Promise<void> {
    const request = { transactionalId: "tx", producerId: this.producerId, producerEpoch: 0, groupId: "g" };
    expect((await this.cluster.send(addOffsetsToTxn, 3, request)).errorCode).toBe(0);
  }

  async commit(version: number, more: object = {}): Promise<number> {
    const partitions = [{ partitionIndex: 1, committedOffset: 42n, committedMetadata: "here" }];
    const request = { transactionalId: "tx", groupId: "g", producerId: this.producerId, producerEpoch: 0 };
    const { topics } = await this.cluster.send(txnOffsetCommit, version, {
      ...request,
      topics: [{ name: "t", partitions }],
      ...more,
    });
    return topics[0]!.partitions[0]!.errorCode;
  }

  async end(committed: boolean): Promise<void> {
    const request = { transactionalId: "tx", producerId: this.producerId, producerEpoch: 0, committed };
    expect((await this.cluster.send(endTxn, 3, request)).errorCode).toBe(0);
    await this.cluster.deliverEnds();
  }

  async fetch(requireStable: boolean): Promise<readonly number[]> {
    const groups = [{ groupId: "g", topics: [{ name: "t", partitionIndexes: [1] }] }];
    const answer = await this.cluster.send(offsetFetch, 8, { groups, requireStable });
    const { errorCode, committedOffset } = answer.groups[0]!.topics[0]!.partitions[0]!;
    return [errorCode, Number(committedOffset)];
  }
}

describe.each(versions)("TxnOffsetCommit v%i", (version) => {
  test.each([true, false])("keeps offsets pending until the end, commit %s", async (committed) => {
    const client = await Client.open();
    if (version < 5) await client.add();
    expect(await client.commit(version)).toBe(0);
    expect(await client.fetch(false)).toEqual([0, -1]);
    expect(await client.fetch(true)).toEqual([unstable, -1]);
    await client.end(committed);
    expect(await client.fetch(true)).toEqual([0, committed ? 42 : -1]);
  });

  test("refuses what the coordinator does not vouch for", async () => {
    const client = await Client.open();
    if (version < 5) expect(await client.commit(version)).toBe(version < 4 ? invalidTxnState : abortable);
    await client.add();
    expect(await client.commit(version, { producerEpoch: 3 })).toBe(invalidProducerEpoch);
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }];
    expect(await client.commit(version, { topics: [{ name: "nowhere", partitions }] })).toBe(unknownTopic);
    if (version >= 3) expect(await client.commit(version, { generationId: 4, memberId: "m" })).toBe(illegalGeneration);
    expect(await client.fetch(true)).toEqual([0, -1]);
  });
});
