/**
 * WriteTxnMarkers, versions 1–2. Coordinators here speak to leaders themselves; this is for administrators who end a transaction that
 * hangs (KIP-664). Which of the producer's transactions that is its leader says; where none is open there is nothing to end.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { MarkerRequest, PartitionRef } from "../../core/coordinator.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { writeTxnMarkers } from "../../protocol/messages/27-write-txn-markers.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { sideBySide } from "./side-by-side.ts";
import { findTopics } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Marker = RequestOf<typeof writeTxnMarkers>["markers"][number];

export const writeTxnMarkersHandler = defineHandler({
  api: writeTxnMarkers,
  versions: [1, 2],
  async handle({ markers }, { services }) {
    return { markers: await sideBySide(markers, (marker) => write(marker, services)) };
  },
  unreachable: ({ markers }) => ({
    markers: markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode: leaderUnreachable })),
      })),
    })),
  }),
});

async function write(marker: Marker, services: BrokerServices) {
  const named = marker.topics.map(({ name }) => ({ name, topicId: "" }));
  const entries = await findTopics(services.catalog, named, false);
  const asked = new ByCell<PartitionRef>();
  const tickets = marker.topics.map(({ partitionIndexes }, index) =>
    partitionIndexes.map((partition) => ask(asked, entries[index], partition)),
  );
  const answers = await asked.ask(
    (cell, refs) => writeInCell(marker, cell, refs, services),
    () => leaderUnreachable as number,
  );
  const errorOf = (ticket: symbol | undefined) =>
    ticket === undefined ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : answers.get(ticket)!;
  const topics = marker.topics.map(({ name, partitionIndexes }, index) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex, at) => ({ partitionIndex, errorCode: errorOf(tickets[index]![at]) })),
  }));
  return { producerId: marker.producerId, topics };
}

function ask(asked: ByCell<PartitionRef>, entry: TopicEntry | undefined, partition: number): symbol | undefined {
  const placed = entry?.partitions[partition];
  return entry === undefined || placed === undefined ? undefined : asked.add(placed.cell, { topicId: entry.id, partition });
}

async function writeInCell(marker: Marker, cell: number, refs: readonly PartitionRef[], services: BrokerServices) {
  const leader = services.coordinator(cell);
  const described = await leader.describePartitions(refs);
  const generations = described.map(({ producers }) => {
    const open = producers.find(({ producerId }) => producerId === Number(marker.producerId));
    return open?.transactionGeneration ?? 0;
  });
  const refused = unspeakable(marker);
  const requests: (MarkerRequest & { readonly at: number })[] = [];
  for (const [at, ref] of refs.entries()) {
    const generation = generations[at]!;
    if (described[at]!.errorCode !== errorCodes.NONE || refused !== errorCodes.NONE || generation === 0) continue;
    const { producerEpoch, coordinatorEpoch, transactionResult: commit } = marker;
    const producerId = Number(marker.producerId);
    requests.push({ at, producerId, producerEpoch, coordinatorEpoch, generation, commit, partitions: [ref] });
  }
  const codes: number[] = described.map(({ errorCode }) => (errorCode === errorCodes.NONE ? refused : errorCode));
  const written = requests.length === 0 ? [] : await leader.writeMarkers(requests);
  for (const [index, { at }] of requests.entries()) codes[at] = written[index]![0]!;
  return codes;
}

/** Epochs below zero are earlier than any that a leader can know. */
function unspeakable({ producerEpoch, coordinatorEpoch }: Marker): number {
  if (producerEpoch < 0) return errorCodes.INVALID_PRODUCER_EPOCH;
  return coordinatorEpoch < 0 ? errorCodes.TRANSACTION_COORDINATOR_FENCED : errorCodes.NONE;
}
