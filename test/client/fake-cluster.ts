/**
 * A cluster of brokers in memory, as a transport: it keeps logs and committed offsets as Kafka does, and lets a test move leaders and
 * coordinators, cut connections, and put any answer in the place of the right one.
 */
import { batchField, readBatchHeader, writeInt64 } from "../../kernel/batch-layout.ts";
import { concatenate, decodeRequest, encodeResponse } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import type { ApiSchema, RequestOf, ResponseInput } from "../../protocol/schema.ts";
import type { StreamEvents, Transport } from "../../client/wire/transport.ts";
import { FakeLog } from "./fake-log.ts";

const topicId = "11111111-1111-1111-1111-111111111111";
const basePort = 100;

export interface Asked {
  readonly node: number;
  readonly api: string;
  readonly body: unknown;
}

type Answer = (body: never, node: number) => unknown;

export class FakeCluster {
  readonly topic = "t";
  readonly asked: Asked[] = [];
  /** In place of what a broker would answer: bytes as they are, nothing, or "cut". Undefined: what is right. */
  misbehave: (asked: Asked) => Uint8Array | "nothing" | "cut" | undefined = () => undefined;
  /** What larger batches are refused for. */
  batchBytesMax = Infinity;
  leader = 0;
  leaderEpoch = 1;
  coordinator = 0;
  committed = -1;
  /** What commits are refused with. */
  commitError = 0;
  /** Record batches with their offsets, in order; fetches are answered with whole ones. */
  readonly batches: Uint8Array[] = [];
  readonly log = new FakeLog();
  readonly #nodes: number;
  readonly #streams = new Set<{ readonly events: StreamEvents; isOpen: boolean }>();
  readonly #answers = new Map<number, readonly [api: ApiSchema, answer: Answer]>();
  #logStart = 0;

  constructor(nodes = 2) {
    this.#nodes = nodes;
    this.#serve(metadata, () => this.#metadata());
    this.#serve(findCoordinator, () => {
      const where = { nodeId: this.coordinator, host: "fake", port: basePort + this.coordinator };
      return { ...where, coordinators: [{ key: "g", ...where }] };
    });
    this.#serve(initProducerId, () => ({ producerId: 7n, producerEpoch: 0 }));
    this.#serve(produce, (body, node) => this.#produce(body, node));
    this.#serve(fetch, async (body, node) => await this.#fetch(body, node));
    this.#serve(listOffsets, (body, node) => this.#listOffsets(body, node));
    this.#serve(deleteRecords, (body, node) => this.#deleteRecords(body, node));
    this.#serve(offsetCommit, (body, node) => this.#commit(body, node));
    this.#serve(offsetFetch, (_body, node) => {
      const errorCode = node === this.coordinator ? 0 : errorCodes.NOT_COORDINATOR;
      const partitions = [{ partitionIndex: 0, committedOffset: BigInt(this.committed), metadata: "" }];
      return { errorCode, groups: [{ groupId: "g", errorCode, topics: [{ name: this.topic, partitions }] }] };
    });
  }

  get transport(): Transport {
    return {
      bootstrap: { host: "fake", port: basePort },
      open: async ({ port }, events) => {
        const stream = { events, isOpen: true };
        this.#streams.add(stream);
        const cutter = new FrameCutter(1 << 26);
        return {
          send: (chunks) => {
            for (const frame of cutter.push(concatenate(chunks))) void this.#receive(port - basePort, frame, stream);
          },
          close: () => this.#close(stream, "closed"),
        };
      },
    };
  }

  cut(): void {
    for (const stream of this.#streams) this.#close(stream, "cut");
  }

  askedOf(api: string): readonly Asked[] {
    return this.asked.filter((each) => each.api === api);
  }

  #serve<Api extends ApiSchema>(
    api: Api,
    answer: (body: RequestOf<Api>, node: number) => ResponseInput<Api> | Promise<ResponseInput<Api>>,
  ): void {
    this.#answers.set(api.key, [api, answer]);
  }

  #close(stream: { readonly events: StreamEvents; isOpen: boolean }, reason: string): void {
    if (!stream.isOpen) return;
    stream.isOpen = false;
    this.#streams.delete(stream);
    queueMicrotask(() => stream.events.onClose(reason));
  }

  async #receive(node: number, frame: Uint8Array, stream: { readonly events: StreamEvents; isOpen: boolean }): Promise<void> {
    const { apiKey, apiVersion, correlationId, body } = decodeRequest(frame);
    const [api, answer] = this.#answers.get(apiKey) ?? [apiVersions, () => this.#versions()];
    const asked = { node, api: api.name, body };
    this.asked.push(asked);
    const instead = this.misbehave(asked);
    if (instead === "cut") return this.#close(stream, "cut");
    if (instead === "nothing") return;
    const reply =
      instead ?? concatenate(encodeResponse(api, apiVersion, correlationId, (await answer(body as never, node)) as never));
    if (stream.isOpen) queueMicrotask(() => stream.events.onBytes(reply));
  }

  #versions(): ResponseInput<typeof apiVersions> {
    const all = [apiVersions, ...[...this.#answers.values()].map(([api]) => api)];
    return { apiKeys: all.map(({ key, versions: [minVersion, maxVersion] }) => ({ apiKey: key, minVersion, maxVersion })) };
  }

  #metadata(): ResponseInput<typeof metadata> {
    const brokers = Array.from({ length: this.#nodes }, (_, nodeId) => ({ nodeId, host: "fake", port: basePort + nodeId }));
    const partitions = [{ partitionIndex: 0, leaderId: this.leader, leaderEpoch: this.leaderEpoch }];
    return { brokers, controllerId: 0, clusterId: "fake", topics: [{ name: this.topic, topicId, partitions }] };
  }

  #refusal(node: number): number {
    return node === this.leader ? 0 : errorCodes.NOT_LEADER_OR_FOLLOWER;
  }

  #produce({ topicData }: RequestOf<typeof produce>, node: number): ResponseInput<typeof produce> {
    const partitionResponses = topicData[0]!.partitionData.map(({ index, records }) => {
      const refused = this.#refusal(node);
      if (refused !== 0) return { index, errorCode: refused, baseOffset: -1n };
      if (records!.byteLength > this.batchBytesMax) return { index, errorCode: errorCodes.MESSAGE_TOO_LARGE, baseOffset: -1n };
      const before = this.log.values.length;
      const { errorCode, baseOffset } = this.log.append(records!);
      if (this.log.values.length > before) this.add(records!, baseOffset);
      return { index, errorCode, baseOffset: BigInt(baseOffset) };
    });
    return { responses: [{ name: this.topic, topicId, partitionResponses }] };
  }

  /** A batch as it lies in the log. */
  add(batch: Uint8Array, baseOffset: number): void {
    const kept = batch.slice();
    writeInt64(new DataView(kept.buffer), batchField.baseOffset, baseOffset);
    this.batches.push(kept);
  }

  async #fetch({ topics, maxBytes }: RequestOf<typeof fetch>, node: number): Promise<ResponseInput<typeof fetch>> {
    const { fetchOffset, partitionMaxBytes } = topics[0]!.partitions[0]!;
    const records: Uint8Array[] = [];
    let left = Math.min(maxBytes, partitionMaxBytes);
    let end = 0;
    for (const batch of this.batches) {
      const { baseOffset, offsetCount } = readBatchHeader(new DataView(batch.buffer, batch.byteOffset, batch.byteLength), 0);
      end = baseOffset + offsetCount;
      if (end <= fetchOffset || (records.length > 0 && batch.byteLength > left)) continue;
      records.push(batch);
      left -= batch.byteLength;
    }
    // Nothing new: the broker waits a little.
    if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const partition = {
      partitionIndex: 0,
      errorCode: this.#refusal(node),
      highWatermark: BigInt(end),
      lastStableOffset: BigInt(end),
    };
    return { responses: [{ topic: this.topic, topicId, partitions: [{ ...partition, records: concatenate(records) }] }] };
  }

  #listOffsets({ topics }: RequestOf<typeof listOffsets>, node: number): ResponseInput<typeof listOffsets> {
    const partitions = topics[0]!.partitions.map(({ timestamp }) => ({
      partitionIndex: 0,
      errorCode: this.#refusal(node),
      offset: BigInt(timestamp === -2n ? this.#logStart : this.log.values.length),
    }));
    return { topics: [{ name: this.topic, partitions }] };
  }

  #deleteRecords({ topics }: RequestOf<typeof deleteRecords>, node: number): ResponseInput<typeof deleteRecords> {
    const errorCode = this.#refusal(node);
    if (errorCode === 0) this.#logStart = Number(topics[0]!.partitions[0]!.offset);
    return {
      topics: [{ name: this.topic, partitions: [{ partitionIndex: 0, errorCode, lowWatermark: BigInt(this.#logStart) }] }],
    };
  }

  #commit({ topics }: RequestOf<typeof offsetCommit>, node: number): ResponseInput<typeof offsetCommit> {
    const errorCode = node === this.coordinator ? this.commitError : errorCodes.NOT_COORDINATOR;
    if (errorCode === 0) this.committed = Number(topics[0]!.partitions[0]!.committedOffset);
    return { topics: [{ name: this.topic, partitions: [{ partitionIndex: 0, errorCode }] }] };
  }
}
