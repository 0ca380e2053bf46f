/**
 * The footer of an object with bytes of one cell alone, which a leader drains (D4) or a merger writes (D9, D11): as a WAL object's, but named by cell and cursor,
 * and with the offsets that the batches inside have got by then (D8). docs/formats/wal-object.md is the specification.
 */
import { viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import {
  compareParts,
  entry,
  header,
  headerBytes,
  kindMerged,
  mergedExtentBytes,
  topicBytes,
  trailerBytes,
  version,
  writeTopicId,
  writeTrailer,
  type Crc32c,
  type MergedExtent,
  type MergedIdentity,
} from "./format.ts";

/** Extents in ascending order, each partition once, without a hole: the body that goes in front of the footer. */
export function encodeMergedFooter(identity: MergedIdentity, extents: readonly MergedExtent[], crc32c: Crc32c): Uint8Array {
  const topics: string[] = [];
  let bodyLength = 0;
  for (const [index, extent] of extents.entries()) {
    const previous = extents[index - 1];
    if (previous !== undefined && compareParts(previous, extent) >= 0) throw new Error("the extents of an object must ascend");
    if (extent.byteStart !== bodyLength) throw new Error("the extents of an object must leave no hole");
    if (extent.topicId !== previous?.topicId) topics.push(extent.topicId);
    bodyLength += extent.byteLength;
  }
  const entriesStart = headerBytes + topics.length * topicBytes;
  const footer = new Uint8Array(entriesStart + extents.length * mergedExtentBytes + trailerBytes);
  const view = viewOf(footer);
  view.setUint8(header.kind, kindMerged);
  view.setUint8(header.version, version);
  view.setUint16(header.extentBytes, mergedExtentBytes);
  view.setUint32(header.cell, identity.cell);
  writeInt64(view, header.cursor, identity.cursor);
  writeInt64(view, header.part, identity.part);
  writeInt64(view, header.bodyLength, bodyLength);
  view.setUint32(header.topicCount, topics.length);
  view.setUint32(header.extentCount, extents.length);
  for (const [index, topicId] of topics.entries()) writeTopicId(view, headerBytes + index * topicBytes, topicId);
  let topic = -1;
  for (const [index, extent] of extents.entries()) {
    if (extent.topicId !== extents[index - 1]?.topicId) topic += 1;
    writeEntry(view, entriesStart + index * mergedExtentBytes, extent, topic);
  }
  writeTrailer(footer, view, crc32c);
  return footer;
}

function writeEntry(view: DataView, position: number, extent: MergedExtent, topic: number): void {
  view.setUint32(position + entry.cell, extent.cell);
  view.setUint32(position + entry.topic, topic);
  view.setInt32(position + entry.partition, extent.partition);
  view.setUint32(position + entry.batchCount, extent.batchCount);
  view.setUint32(position + entry.byteStart, extent.byteStart);
  view.setUint32(position + entry.byteLength, extent.byteLength);
  writeInt64(view, position + entry.maxTimestamp, extent.maxTimestamp);
  writeInt64(view, position + entry.baseOffset, extent.baseOffset);
  writeInt64(view, position + entry.nextOffset, extent.nextOffset);
}
