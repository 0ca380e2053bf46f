/**
 * Where in a record set a record lies; batches are opened only where their headers do not tell. Sets that a broker reads were
 * checked when they were written.
 */
import { DecompressError } from "../../kernel/decompress-error.ts";
import type { BatchHeader, RecordPosition } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";
import { batchBody } from "./batch-body.ts";

/** The first record of the set at or after the time, from an offset on. */
export async function firstRecordAtOrAfter(
  records: Uint8Array,
  timestamp: number,
  fromOffset: number,
): Promise<RecordPosition | undefined> {
  for (const header of kernel.batches(records)) {
    if (header.maxTimestamp < timestamp || header.baseOffset + header.offsetCount <= fromOffset) continue;
    const body = await readableBody(header, records);
    if (body === undefined) return wholeBatch(header, fromOffset);
    const found = kernel.firstRecordAtOrAfter(header, body, timestamp);
    if (found !== undefined && found.offset >= fromOffset) return found;
    // The log begins in the middle of this batch, behind the record that was found.
    const later = found === undefined ? undefined : laterRecord(header, body, timestamp, fromOffset);
    if (later !== undefined) return later;
  }
  return undefined;
}

/** Undefined: it was compressed wrongly, or holds more than may be opened. */
async function readableBody(header: BatchHeader, records: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await batchBody(header, records);
  } catch (error) {
    if (error instanceof DecompressError) return undefined;
    throw error;
  }
}

/** What stands for the records of a batch that cannot be read: nothing that was asked for lies before it. */
function wholeBatch({ baseOffset, maxTimestamp }: BatchHeader, fromOffset: number): RecordPosition {
  return { offset: Math.max(baseOffset, fromOffset), timestamp: maxTimestamp };
}

function laterRecord(header: BatchHeader, body: Uint8Array, timestamp: number, fromOffset: number): RecordPosition | undefined {
  return kernel.records(header, body).find((record) => record.offset >= fromOffset && record.timestamp >= timestamp);
}

/** The first record that bears the set's highest timestamp, from an offset on. */
export async function maxTimestampRecord(records: Uint8Array, fromOffset: number): Promise<RecordPosition | undefined> {
  let best: BatchHeader | undefined;
  let cut: RecordPosition | undefined;
  for (const header of kernel.batches(records)) {
    if (header.baseOffset + header.offsetCount <= fromOffset || header.recordCount === 0) continue;
    // Of a batch that the log's start cuts through, the header speaks of records that are gone too.
    if (header.baseOffset < fromOffset) cut = latestFrom(header, await readableBody(header, records), fromOffset);
    else if (best === undefined || header.maxTimestamp > best.maxTimestamp) best = header;
  }
  if (best === undefined || best.maxTimestamp < 0 || (cut !== undefined && cut.timestamp >= best.maxTimestamp)) return cut;
  const body = await readableBody(best, records);
  return body === undefined ? wholeBatch(best, fromOffset) : kernel.firstRecordAtOrAfter(best, body, best.maxTimestamp);
}

function latestFrom(header: BatchHeader, body: Uint8Array | undefined, fromOffset: number): RecordPosition | undefined {
  if (body === undefined) return wholeBatch(header, fromOffset);
  let latest: RecordPosition | undefined;
  for (const { offset, timestamp } of kernel.records(header, body)) {
    if (offset >= fromOffset && timestamp >= 0 && timestamp > (latest?.timestamp ?? -1)) latest = { offset, timestamp };
  }
  return latest;
}
