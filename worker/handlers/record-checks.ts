/**
 * Whether the records produced to one partition may be appended, in Kafka's order of checks: size and checksum, shape, exactly one
 * batch, keys, time. The kernel walks the bytes; records become objects only to say which of them are wrong.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { BatchHeader, InvalidReason, ValidatedBatch, ValidateResult, WalkedBatch } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { batchBody } from "./batch-body.ts";
import { codecWanted, recode } from "./recode.ts";

export interface RecordError {
  readonly batchIndex: number;
  readonly batchIndexErrorMessage: string | null;
}

export type RecordCheck =
  | {
      readonly ok: true;
      readonly records: Uint8Array;
      readonly batches: readonly ValidatedBatch[];
      /** -1 when the producer's timestamps stay. */
      readonly stampedMs: number;
    }
  | RecordRefusal;

interface RecordRefusal {
  readonly ok: false;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly recordErrors: readonly RecordError[];
}

type Effective = TopicEntry["effective"];

const codecMask = 0x07;
const logAppendTimeBit = 0x08;
const zstd = 4;
/** zstd may be produced from this version on (KIP-110). */
const zstdFrom = 7;
const noTimestamp = -1;
const lengthPosition = 8;
const prologueBytes = 12;
const magicPosition = 16;
/** Of the oldest format. */
const recordOverheadMin = 14;
/** More than a client can look at; keeps one bad batch from a large answer. */
const recordErrorsMax = 1000;

/** A promise only when a compressed batch has to be opened. */
export function checkRecords(
  records: Uint8Array,
  effective: Effective,
  apiVersion: number,
  nowMs: number,
): RecordCheck | Promise<RecordCheck> {
  if (records.byteLength === 0) {
    return refuse(
      errorCodes.INVALID_RECORD,
      `Produce requests with version ${apiVersion} must have at least one record batch per partition`,
    );
  }
  const result = kernel.validate(records, { keysRequired: effective.compacted, batchSizeMax: effective.maxMessageBytes });
  if (!result.ok) return refuseInvalid(result, records, effective);
  const [batch, second] = result.batches;
  if (batch === undefined || second !== undefined) {
    return refuse(
      errorCodes.INVALID_RECORD,
      `Produce requests with version ${apiVersion} are only allowed to contain exactly one record batch per partition`,
    );
  }
  const refusal = refusedBatch(batch, apiVersion);
  if (refusal !== undefined) return refusal;
  const codec = codecWanted(effective.compressionType, batch);
  if (codec === undefined && !mustLookInside(batch, effective)) return checkTime(batch, records, effective, nowMs);
  const header = kernel.batches(records)[0]!;
  const body = batchBody(header, records);
  const check = (opened: Uint8Array) => {
    const inside = checkInside(header, opened, effective, nowMs);
    if (typeof inside !== "number") return inside;
    const checked = checkTime({ ...batch, recordsMaxTimestamp: inside }, records, effective, nowMs);
    return codec === undefined ? checked : recoded(checked, opened, codec, effective);
  };
  if (body instanceof Promise) {
    return body.then(check, () => refuse(errorCodes.CORRUPT_MESSAGE, "The compressed records cannot be read."));
  }
  return check(body);
}

async function recoded(
  check: RecordCheck | Promise<RecordCheck>,
  body: Uint8Array,
  codec: number,
  effective: Effective,
): Promise<RecordCheck> {
  const checked = await check;
  if (!checked.ok) return checked;
  const { records, batch } = await recode(checked.records, checked.batches[0]!, body, codec);
  if (batch.size > effective.maxMessageBytes) return refuseSize(batch.size, effective);
  return { ...checked, records, batches: [batch] };
}

function refusedBatch(batch: ValidatedBatch, apiVersion: number): RecordRefusal | undefined {
  const { attributes, producerId, producerEpoch, baseSequence } = batch;
  if ((attributes & codecMask) === zstd && apiVersion < zstdFrom) {
    return refuse(
      errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
      `Produce requests with version ${apiVersion} are not allowed to use ZStandard compression`,
    );
  }
  if (producerId >= 0 && (producerEpoch < 0 || baseSequence < 0)) {
    return refuse(
      errorCodes.INVALID_RECORD,
      `Invalid sequence number ${baseSequence} in record batch with producerId ${producerId} and epoch ${producerEpoch}`,
    );
  }
  return undefined;
}

/** Compressed batches stay closed unless a key or the age of each record matters. */
function mustLookInside({ attributes }: ValidatedBatch, effective: Effective): boolean {
  const isCompressed = (attributes & codecMask) !== 0;
  const hasOldest = effective.timestampType === "CreateTime" && effective.timestampBeforeMaxMs < Number.MAX_SAFE_INTEGER;
  return hasOldest || (isCompressed && effective.compacted);
}

/** The largest timestamp of the records, when nothing is wrong with them. */
function checkInside(header: BatchHeader, body: Uint8Array, effective: Effective, nowMs: number): RecordRefusal | number {
  const result = kernel.validateBody(body, header.recordCount, effective.compacted);
  if (!result.ok) {
    if (result.reason === "key-missing") return refuseKeyless(header, body);
    return refuse(errorCodes.INVALID_RECORD, `Record ${result.recordIndex} of the batch is malformed.`);
  }
  const bad = effective.timestampType === "CreateTime" ? untimely(header, body, effective, nowMs) : [];
  return bad.length === 0 ? header.baseTimestamp + result.timestampDeltaMax : refuseUntimely(bad);
}

function refuseKeyless(header: BatchHeader, body: Uint8Array): RecordRefusal {
  const keyless = kernel.records(header, body).flatMap(({ key }, index) => (key === null ? [index] : []));
  return {
    ok: false,
    errorCode: errorCodes.INVALID_RECORD,
    ...rejected(
      keyless.slice(0, recordErrorsMax).map((batchIndex) => ({
        batchIndex,
        batchIndexErrorMessage: "Compacted topic cannot accept message without key.",
      })),
    ),
  };
}

/** The first three are named in one sentence, for clients that show no more. */
function rejected(recordErrors: readonly RecordError[]): Pick<RecordRefusal, "errorMessage" | "recordErrors"> {
  const first = recordErrors.slice(0, 3).map(({ batchIndex, batchIndexErrorMessage }) => {
    return `RecordError(batchIndex=${batchIndex}, message='${batchIndexErrorMessage}')`;
  });
  const errorMessage = `One or more records have been rejected due to ${recordErrors.length} record errors in total, and only showing the first three errors at most: [${first.join(", ")}]`;
  return { errorMessage, recordErrors };
}

function checkTime(
  batch: WalkedBatch,
  records: Uint8Array,
  effective: Effective,
  nowMs: number,
): RecordCheck | Promise<RecordCheck> {
  if ((batch.attributes & logAppendTimeBit) !== 0) {
    return refuse(errorCodes.INVALID_TIMESTAMP, "Producer should not set timestamp type to LogAppendTime.");
  }
  if (effective.timestampType === "LogAppendTime") {
    kernel.stampAppendTime(records, nowMs);
    const stamped = { ...batch, attributes: batch.attributes | logAppendTimeBit, maxTimestamp: nowMs };
    return { ok: true, records, batches: [stamped], stampedMs: nowMs };
  }
  const maxTimestamp = batch.recordsMaxTimestamp;
  if (maxTimestamp - nowMs <= effective.timestampAfterMaxMs) {
    // Retention and time look-ups believe the header: one that lies is put right, as Kafka does.
    if (maxTimestamp !== batch.maxTimestamp) kernel.correctMaxTimestamp(records, maxTimestamp);
    return {
      ok: true,
      records,
      batches: [maxTimestamp === batch.maxTimestamp ? batch : { ...batch, maxTimestamp }],
      stampedMs: -1,
    };
  }
  const header = kernel.batches(records)[0]!;
  const whole = refuseUntimely([
    { index: 0, timestamp: maxTimestamp, earliest: -Infinity, latest: nowMs + effective.timestampAfterMaxMs },
  ]);
  const name = (body: Uint8Array) => {
    const bad = untimely(header, body, effective, nowMs);
    return bad.length === 0 ? whole : refuseUntimely(bad);
  };
  const body = batchBody(header, records);
  return body instanceof Promise ? body.then(name, () => whole) : name(body);
}

interface Untimely {
  readonly index: number;
  readonly timestamp: number;
  readonly earliest: number;
  readonly latest: number;
}

function untimely(header: BatchHeader, body: Uint8Array, effective: Effective, nowMs: number): Untimely[] {
  const earliest = nowMs - effective.timestampBeforeMaxMs;
  const latest = nowMs + effective.timestampAfterMaxMs;
  const bad: Untimely[] = [];
  for (const [index, { timestamp }] of kernel.records(header, body).entries()) {
    if (timestamp !== noTimestamp && (timestamp < earliest || timestamp > latest)) bad.push({ index, timestamp, earliest, latest });
  }
  return bad;
}

function refuseUntimely(bad: readonly Untimely[]): RecordRefusal {
  return {
    ok: false,
    errorCode: errorCodes.INVALID_TIMESTAMP,
    errorMessage: "One or more records have been rejected due to invalid timestamp",
    recordErrors: bad.slice(0, recordErrorsMax).map(({ index, timestamp, earliest, latest }) => ({
      batchIndex: index,
      batchIndexErrorMessage: `Timestamp ${timestamp} of message with offset ${index} is out of range. The timestamp should be within [${Math.max(0, earliest)}, ${latest}]`,
    })),
  };
}

function refuseSize(size: number, { maxMessageBytes }: Effective): RecordRefusal {
  return refuse(
    errorCodes.MESSAGE_TOO_LARGE,
    `The record batch size in the append is ${size} bytes which exceeds the maximum configured value of ${maxMessageBytes}.`,
  );
}

function refuse(errorCode: number, errorMessage: string): RecordRefusal {
  return { ok: false, errorCode, errorMessage, recordErrors: [] };
}

const reasons: Readonly<Record<InvalidReason, readonly [code: number, message: string]>> = {
  truncated: [errorCodes.CORRUPT_MESSAGE, "The record set ends inside of a batch."],
  length: [errorCodes.CORRUPT_MESSAGE, "A record batch lies about its size."],
  crc: [errorCodes.CORRUPT_MESSAGE, "Record batch is corrupt: its checksum does not fit."],
  magic: [errorCodes.INVALID_RECORD, "Produce requests must use record batches with magic version 2."],
  count: [errorCodes.INVALID_RECORD, "The record count of the batch does not fit its records."],
  "offset-delta": [errorCodes.INVALID_RECORD, "The offset deltas of the batch are not consecutive."],
  "base-offset": [errorCodes.INVALID_RECORD, "The base offset of a produced record batch must be 0."],
  control: [errorCodes.INVALID_RECORD, "Clients are not allowed to write control records."],
  "key-missing": [errorCodes.INVALID_RECORD, "Compacted topic cannot accept message without key."],
  "too-large": [errorCodes.MESSAGE_TOO_LARGE, "The record batch is larger than the topic allows."],
  codec: [errorCodes.UNSUPPORTED_COMPRESSION_TYPE, "The record batch uses a compression type that does not exist."],
};

/** What no producer of any age would have sent. */
function damagedPrologue(size: number, magic: number): string | undefined {
  if (size < recordOverheadMin) return `Record size ${size} is less than the minimum record overhead (${recordOverheadMin})`;
  return magic < 0 || magic > 2 ? `Invalid magic found in record: ${magic}` : undefined;
}

function refuseInvalid(result: ValidateResult & { ok: false }, records: Uint8Array, effective: Effective): RecordRefusal {
  const { reason, recordIndex, position } = result;
  if (reason === "key-missing") {
    // Only uncompressed batches are walked, so the body can be read here and now.
    const header = kernel.batches(records)[result.batchIndex]!;
    const body = batchBody(header, records);
    if (!(body instanceof Promise)) return refuseKeyless(header, body);
  }
  const [code, message] = reasons[reason];
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  if (reason === "too-large") return refuseSize(view.getInt32(position + lengthPosition) + prologueBytes, effective);
  if (recordIndex < 0 && (reason === "magic" || reason === "length")) {
    const damage = damagedPrologue(view.getInt32(position + lengthPosition), view.getInt8(position + magicPosition));
    if (damage !== undefined) return refuse(errorCodes.CORRUPT_MESSAGE, damage);
  }
  const isRecord = recordIndex >= 0;
  return refuse(
    isRecord ? errorCodes.INVALID_RECORD : code,
    isRecord ? `Record ${recordIndex} of the batch is malformed.` : message,
  );
}
