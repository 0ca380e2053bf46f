/**
 * The objects that brokers and leaders write: record sets of many partitions, then a footer that says whose they are (D7, D9), so
 * that an object can be read with nothing else at hand. docs/formats/wal-object.md is the specification. Batches inside are not
 * looked at here; body.ts does that, and merged.ts writes the leaders' kind.
 */
import { readInt64, viewOf, writeInt64 } from "../../kernel/batch-layout.ts";
import type { BrokerIdentity, PartitionRef } from "../coordinator.ts";

export type Crc32c = (bytes: Uint8Array) => number;

/** Who wrote an object: unique within a cluster, and its key in other words. */
export interface WalIdentity extends BrokerIdentity {
  readonly sequence: number;
}

/** All record sets of one partition in one object. */
export interface WalPart extends PartitionRef {
  readonly cell: number;
  /** Whole batches, in order of arrival. */
  readonly records: readonly Uint8Array[];
  readonly batchCount: number;
  readonly maxTimestamp: number;
}

export interface WalExtent extends PartitionRef {
  readonly cell: number;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly batchCount: number;
  readonly maxTimestamp: number;
}

export interface WalFooter {
  readonly kind: "wal";
  readonly version: number;
  readonly identity: WalIdentity;
  readonly bodyLength: number;
  /** In the order of their bytes, which they cover without a hole. */
  readonly extents: readonly WalExtent[];
}

/** Whose bytes an object holds: those of one cell, drained at a cursor (part 0) or merged under a claim, whose number is the cursor (part 1). */
export interface MergedIdentity {
  readonly cell: number;
  readonly cursor: number;
  readonly part: number;
}

export interface MergedExtent extends WalExtent {
  readonly baseOffset: number;
  /** Behind the last batch. What lies between the batches of a range may be elsewhere: each says its own offset. */
  readonly nextOffset: number;
}

export interface MergedFooter {
  readonly kind: "merged";
  readonly version: number;
  readonly identity: MergedIdentity;
  readonly bodyLength: number;
  readonly extents: readonly MergedExtent[];
}

export type ObjectFooter = WalFooter | MergedFooter;

export type DamageKind =
  | "too-short"
  | "magic"
  | "footer-length"
  | "footer-crc"
  | "kind"
  | "version"
  | "footer-layout"
  | "extent"
  | "batch-length"
  | "batch-magic"
  | "batch-crc"
  | "batch-count"
  | "max-timestamp";

/** What is wrong with an object, and at which of its bytes. */
export interface Damage {
  readonly kind: DamageKind;
  readonly position: number;
  readonly message: string;
}

export type FooterResult = { readonly ok: true; readonly footer: ObjectFooter } | { readonly ok: false; readonly damage: Damage };

/** The last bytes of every object: enough to learn how long the footer is. */
export const trailerBytes = 16;
export const headerBytes = 40;
export const topicBytes = 16;
const extentBytes = 32;
export const mergedExtentBytes = 48;
/** "KanteObj", as two numbers. */
const magicHigh = 0x4b616e74;
const magicLow = 0x654f626a;
const kindWal = 1;
export const kindMerged = 2;
export const version = 1;
const byteLengthMax = 2 ** 32 - 1;

export const header = {
  kind: 0,
  version: 1,
  extentBytes: 2,
  brokerId: 4,
  brokerEpoch: 8,
  sequence: 16,
  cell: 4,
  cursor: 8,
  part: 16,
  bodyLength: 24,
  topicCount: 32,
  extentCount: 36,
};
export const entry = {
  cell: 0,
  topic: 4,
  partition: 8,
  batchCount: 12,
  byteStart: 16,
  byteLength: 20,
  maxTimestamp: 24,
  baseOffset: 32,
  nextOffset: 40,
};
/** Counted from the object's end. */
const trailer = { crc: 16, footerLength: 12, magic: 8 };

/** The order of parts in an object: what a cell, and within it a partition, gets is one contiguous range. */
export function compareParts(a: PartitionRef & { readonly cell: number }, b: PartitionRef & { readonly cell: number }): number {
  return a.cell !== b.cell ? a.cell - b.cell : compareRefs(a, b);
}

/** The same within a cell. */
export function compareRefs(a: PartitionRef, b: PartitionRef): number {
  if (a.topicId !== b.topicId) return a.topicId < b.topicId ? -1 : 1;
  return a.partition - b.partition;
}

/** Parts in ascending order, each partition once. The record bytes are copied once, into the answer. */
export function encodeWalObject(identity: WalIdentity, parts: readonly WalPart[], crc32c: Crc32c): Uint8Array {
  const topics: string[] = [];
  let bodyLength = 0;
  for (const [index, part] of parts.entries()) {
    const previous = parts[index - 1];
    if (previous !== undefined && compareParts(previous, part) >= 0) throw new Error("the parts of an object must ascend");
    if (part.topicId !== previous?.topicId) topics.push(part.topicId);
    for (const records of part.records) bodyLength += records.byteLength;
  }
  const footerLength = headerBytes + topics.length * topicBytes + parts.length * extentBytes + trailerBytes;
  if (bodyLength + footerLength > byteLengthMax) throw new Error(`an object holds at most ${byteLengthMax} bytes`);
  const bytes = new Uint8Array(bodyLength + footerLength);
  const footer = bytes.subarray(bodyLength);
  const view = viewOf(footer);
  writeHeader(view, identity, bodyLength, topics.length, parts.length);
  for (const [index, topicId] of topics.entries()) writeTopicId(view, headerBytes + index * topicBytes, topicId);
  writeParts(bytes, parts, view, headerBytes + topics.length * topicBytes);
  writeTrailer(footer, view, crc32c);
  return bytes;
}

function writeHeader(view: DataView, identity: WalIdentity, bodyLength: number, topicCount: number, extentCount: number): void {
  view.setUint8(header.kind, kindWal);
  view.setUint8(header.version, version);
  view.setUint16(header.extentBytes, extentBytes);
  view.setInt32(header.brokerId, identity.brokerId);
  writeInt64(view, header.brokerEpoch, identity.brokerEpoch);
  writeInt64(view, header.sequence, identity.sequence);
  writeInt64(view, header.bodyLength, bodyLength);
  view.setUint32(header.topicCount, topicCount);
  view.setUint32(header.extentCount, extentCount);
}

function writeParts(bytes: Uint8Array, parts: readonly WalPart[], view: DataView, entriesStart: number): void {
  let end = 0;
  let topic = -1;
  let topicId = "";
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    const start = end;
    for (const records of part.records) {
      bytes.set(records, end);
      end += records.byteLength;
    }
    if (part.topicId !== topicId) {
      topicId = part.topicId;
      topic++;
    }
    const position = entriesStart + index * extentBytes;
    view.setUint32(position + entry.cell, part.cell);
    view.setUint32(position + entry.topic, topic);
    view.setInt32(position + entry.partition, part.partition);
    view.setUint32(position + entry.batchCount, part.batchCount);
    view.setUint32(position + entry.byteStart, start);
    view.setUint32(position + entry.byteLength, end - start);
    writeInt64(view, position + entry.maxTimestamp, part.maxTimestamp);
  }
}

export function writeTrailer(footer: Uint8Array, view: DataView, crc32c: Crc32c): void {
  const end = footer.byteLength;
  view.setUint32(end - trailer.crc, crc32c(footer.subarray(0, end - trailerBytes)));
  view.setUint32(end - trailer.footerLength, end);
  view.setUint32(end - trailer.magic, magicHigh);
  view.setUint32(end - trailer.magic + 4, magicLow);
}

/**
 * Reads the footer from the last bytes of an object, however many. `need` is how many of them the footer takes when `tail` was
 * too short: read those and call again.
 */
export function decodeFooter(
  tail: Uint8Array,
  objectLength: number,
  crc32c: Crc32c,
): FooterResult | { readonly ok: "more"; readonly need: number } {
  const length = footerLengthOf(tail, objectLength);
  if (typeof length !== "number") return { ok: false, damage: length };
  if (tail.byteLength < length) return { ok: "more", need: length };
  const footer = tail.subarray(tail.byteLength - length);
  const start = objectLength - length;
  const view = viewOf(footer);
  const stored = view.getUint32(length - trailer.crc);
  const actual = crc32c(footer.subarray(0, length - trailerBytes)) >>> 0;
  if (stored !== actual) return damaged("footer-crc", start, `the footer's CRC-32C is ${hex(actual)}, it says ${hex(stored)}`);
  return decodeFields(view, start);
}

/** The footer of an object that is at hand as a whole. */
export function decodeFooterOf(object: Uint8Array, crc32c: Crc32c): FooterResult {
  const result = decodeFooter(object, object.byteLength, crc32c);
  if (result.ok === "more") throw new Error("a whole object holds its whole footer");
  return result;
}

function footerLengthOf(tail: Uint8Array, objectLength: number): number | Damage {
  const shortest = headerBytes + trailerBytes;
  if (objectLength < shortest)
    return damage("too-short", 0, `${objectLength} bytes are fewer than the shortest footer has (${shortest})`);
  if (tail.byteLength < trailerBytes) throw new Error(`a tail has at least ${trailerBytes} bytes`);
  const view = viewOf(tail);
  const end = tail.byteLength;
  if (view.getUint32(end - trailer.magic) !== magicHigh || view.getUint32(end - trailer.magic + 4) !== magicLow) {
    return damage("magic", objectLength - trailer.magic, "the last 8 bytes are not KanteObj: cut off, or no such object");
  }
  const length = view.getUint32(end - trailer.footerLength);
  if (length < shortest || length > objectLength) {
    return damage(
      "footer-length",
      objectLength - trailer.footerLength,
      `a footer of ${length} bytes cannot end an object of ${objectLength}`,
    );
  }
  return length;
}

/** The CRC is good, so what is wrong from here on was written wrong, or stands in another object than it was made for. */
function decodeFields(view: DataView, start: number): FooterResult {
  const kind = view.getUint8(header.kind);
  if (kind !== kindWal && kind !== kindMerged)
    return damaged("kind", start + header.kind, `objects of kind ${kind} are unknown here`);
  const found = view.getUint8(header.version);
  if (found !== version)
    return damaged("version", start + header.version, `format version ${found} is unknown here, ${version} is known`);
  const bodyLength = readInt64(view, header.bodyLength);
  if (bodyLength !== start) {
    return damaged(
      "footer-length",
      start + header.bodyLength,
      `the body should have ${bodyLength} bytes, there are ${start} before the footer`,
    );
  }
  const topicCount = view.getUint32(header.topicCount);
  const extentCount = view.getUint32(header.extentCount);
  const stride = view.getUint16(header.extentBytes);
  const expected = headerBytes + topicCount * topicBytes + extentCount * stride + trailerBytes;
  if (stride < (kind === kindMerged ? mergedExtentBytes : extentBytes) || expected !== view.byteLength) {
    const message = `${topicCount} topics and ${extentCount} extents of ${stride} bytes do not fill a footer of ${view.byteLength}`;
    return damaged("footer-layout", start + header.extentBytes, message);
  }
  const topics = Array.from({ length: topicCount }, (_, index) => readTopicId(view, headerBytes + index * topicBytes));
  const readOne = kind === kindMerged ? readMergedExtent : readExtent;
  const extents: (WalExtent | MergedExtent)[] = [];
  let end = 0;
  for (let index = 0; index < extentCount; index++) {
    const position = headerBytes + topicCount * topicBytes + index * stride;
    const extent = readOne(view, position, topics);
    const wrong = extent === undefined ? "names a topic that is not listed" : placeFault(extent, extents.at(-1), end, bodyLength);
    if (extent === undefined || wrong !== undefined) return damaged("extent", start + position, `extent ${index} ${wrong}`);
    end += extent.byteLength;
    extents.push(extent);
  }
  if (end !== bodyLength) return damaged("extent", end, `the extents end at ${end}, the body at ${bodyLength}`);
  if (kind === kindMerged) {
    const identity = {
      cell: view.getUint32(header.cell),
      cursor: readInt64(view, header.cursor),
      part: readInt64(view, header.part),
    };
    return { ok: true, footer: { kind: "merged", version: found, identity, bodyLength, extents: extents as MergedExtent[] } };
  }
  const identity = {
    brokerId: view.getInt32(header.brokerId),
    brokerEpoch: readInt64(view, header.brokerEpoch),
    sequence: readInt64(view, header.sequence),
  };
  return { ok: true, footer: { kind: "wal", version: found, identity, bodyLength, extents } };
}

function placeFault(extent: WalExtent, previous: WalExtent | undefined, end: number, bodyLength: number): string | undefined {
  const { byteStart, byteLength } = extent;
  if (byteStart + byteLength > bodyLength) return `lies outside the body: ${byteStart} + ${byteLength} > ${bodyLength}`;
  if (byteStart !== end) return `begins at ${byteStart}, the one before ends at ${end}`;
  return previous !== undefined && compareParts(previous, extent) >= 0 ? "is out of order" : undefined;
}

function readExtent(view: DataView, position: number, topics: readonly string[]): WalExtent | undefined {
  const topicId = topics[view.getUint32(position + entry.topic)];
  if (topicId === undefined) return undefined;
  return {
    cell: view.getUint32(position + entry.cell),
    topicId,
    partition: view.getInt32(position + entry.partition),
    byteStart: view.getUint32(position + entry.byteStart),
    byteLength: view.getUint32(position + entry.byteLength),
    batchCount: view.getUint32(position + entry.batchCount),
    maxTimestamp: readInt64(view, position + entry.maxTimestamp),
  };
}

export function writeTopicId(view: DataView, position: number, topicId: string): void {
  const digits = topicId.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/.test(digits)) throw new Error(`not a topic id: ${topicId}`);
  for (let word = 0; word < 4; word++)
    view.setUint32(position + word * 4, Number.parseInt(digits.slice(word * 8, word * 8 + 8), 16));
}

function readMergedExtent(view: DataView, position: number, topics: readonly string[]): MergedExtent | undefined {
  const extent = readExtent(view, position, topics);
  const baseOffset = readInt64(view, position + entry.baseOffset);
  return extent && { ...extent, baseOffset, nextOffset: readInt64(view, position + entry.nextOffset) };
}

function readTopicId(view: DataView, position: number): string {
  let digits = "";
  for (let word = 0; word < 4; word++) digits += hex(view.getUint32(position + word * 4));
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function damage(kind: DamageKind, position: number, message: string): Damage {
  return { kind, position, message };
}

function damaged(kind: DamageKind, position: number, message: string): FooterResult {
  return { ok: false, damage: damage(kind, position, message) };
}
