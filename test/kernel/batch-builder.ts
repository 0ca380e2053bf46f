/**
 * Record batches written out field by field, so that tests and benches can make good ones and lie about any field. Shares no code
 * with what it tests but the plain CRC.
 */
import { crc32c } from "../../kernel/twins/crc32c.ts";

export interface RecordSpec {
  readonly key?: Uint8Array | null;
  readonly value?: Uint8Array | null;
  readonly timestampDelta?: number;
  readonly offsetDelta?: number;
  readonly headers?: readonly (readonly [name: Uint8Array, value: Uint8Array | null])[];
}

export interface BatchSpec {
  readonly records: readonly RecordSpec[];
  readonly baseOffset?: bigint;
  readonly leaderEpoch?: number;
  readonly magic?: number;
  readonly attributes?: number;
  readonly lastOffsetDelta?: number;
  readonly count?: number;
  readonly baseTimestamp?: bigint;
  readonly maxTimestamp?: bigint;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  /** Takes the place of the encoded records: a compressed body. */
  readonly body?: Uint8Array;
}

export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

function lengthPrefixed(bytes: Uint8Array | null): Uint8Array {
  return bytes === null ? Uint8Array.from(varint(-1)) : concat([Uint8Array.from(varint(bytes.length)), bytes]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

function encodeRecord(record: RecordSpec, index: number): Uint8Array {
  const { key = null, value = null, timestampDelta = index, offsetDelta = index, headers = [] } = record;
  return lengthPrefixed(
    concat([
      Uint8Array.from([0, ...varint(timestampDelta), ...varint(offsetDelta)]),
      lengthPrefixed(key),
      lengthPrefixed(value),
      Uint8Array.from(varint(headers.length)),
      ...headers.flatMap(([name, headerValue]) => [lengthPrefixed(name), lengthPrefixed(headerValue)]),
    ]),
  );
}

export function encodeRecords(records: readonly RecordSpec[]): Uint8Array {
  return concat(records.map(encodeRecord));
}

/** Times that no retention takes for old, for tests against the real clock. */
export function writtenNow(): { readonly baseTimestamp: bigint; readonly maxTimestamp: bigint } {
  const now = BigInt(Date.now());
  return { baseTimestamp: now, maxTimestamp: now };
}

export function encodeBatch(spec: BatchSpec): Uint8Array {
  const body = spec.body ?? encodeRecords(spec.records);
  const batch = new Uint8Array(61 + body.length);
  const view = new DataView(batch.buffer);
  view.setBigInt64(0, spec.baseOffset ?? 0n);
  view.setInt32(8, batch.length - 12);
  view.setInt32(12, spec.leaderEpoch ?? -1);
  view.setInt8(16, spec.magic ?? 2);
  view.setInt16(21, spec.attributes ?? 0);
  view.setInt32(23, spec.lastOffsetDelta ?? spec.records.length - 1);
  view.setBigInt64(27, spec.baseTimestamp ?? 1_700_000_000_000n);
  view.setBigInt64(35, spec.maxTimestamp ?? 1_700_000_000_000n + BigInt(Math.max(0, spec.records.length - 1)));
  view.setBigInt64(43, spec.producerId ?? -1n);
  view.setInt16(51, spec.producerEpoch ?? -1);
  view.setInt32(53, spec.baseSequence ?? -1);
  view.setInt32(57, spec.count ?? spec.records.length);
  batch.set(body, 61);
  return sealCrc(batch);
}

/** Writes the CRC that the bytes have now. */
export function sealCrc(batch: Uint8Array): Uint8Array {
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch.subarray(21)));
  return batch;
}
