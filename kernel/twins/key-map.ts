/** The plain twin of the map that compactions work with: JavaScript's own, keyed by the keys' bytes themselves. */
import type { KeptRecords, KeyMap } from "../interface.ts";
import { VarintCursor } from "./varint.ts";

interface Record {
  readonly start: number;
  readonly end: number;
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  /** Undefined: none. */
  readonly key: string | undefined;
  readonly hasValue: boolean;
}

const decoder = new TextDecoder("latin1");

/** Undefined when the records are not what fills the body. */
function recordsOf(body: Uint8Array, recordCount: number): Record[] | undefined {
  const cursor = new VarintCursor(body, 0, body.length);
  const found: Record[] = [];
  for (let index = 0; index < recordCount; index++) {
    const start = cursor.position;
    cursor.end = body.length;
    const length = cursor.int();
    const end = cursor.position + length;
    if (cursor.bad || length < 0 || end > body.length) return undefined;
    cursor.end = end;
    cursor.skip(1);
    const timestampDelta = cursor.long();
    const offsetDelta = cursor.int();
    const keyLength = cursor.int();
    const keyStart = cursor.position;
    if (cursor.bad || offsetDelta < 0 || keyLength < -1) return undefined;
    cursor.skip(Math.max(0, keyLength));
    const valueLength = cursor.int();
    cursor.skip(Math.max(0, valueLength));
    if (cursor.bad || valueLength < -1) return undefined;
    const key = keyLength < 0 ? undefined : decoder.decode(body.subarray(keyStart, keyStart + keyLength));
    found.push({ start, end, offsetDelta, timestampDelta, key, hasValue: valueLength >= 0 });
    cursor.position = end;
  }
  return cursor.position === body.length ? found : undefined;
}

export function plainKeyMap(startOffset: number, sizeMax: number): KeyMap {
  const newest = new Map<string, number>();
  return {
    get size() {
      return newest.size;
    },
    put(body, recordCount, baseOffset) {
      const records = recordsOf(body, recordCount);
      if (records === undefined) return undefined;
      let end = -1;
      for (const { key, offsetDelta } of records) {
        const offset = baseOffset + offsetDelta;
        if (offset < startOffset) continue;
        if (key !== undefined) {
          if (newest.size === sizeMax && !newest.has(key)) return { end, isFull: true };
          newest.set(key, Math.max(offset, newest.get(key) ?? 0));
        }
        end = offset + 1;
      }
      return { end, isFull: false };
    },
    filter(body, recordCount, baseOffset, mapEnd, keepTombstones): KeptRecords | undefined {
      const records = recordsOf(body, recordCount);
      if (records === undefined) return undefined;
      const kept = records.filter(({ key, offsetDelta, hasValue }) => {
        const offset = baseOffset + offsetDelta;
        if (offset >= mapEnd) return true;
        return key !== undefined && (hasValue || keepTombstones) && offset >= (newest.get(key) ?? 0);
      });
      const out = new Uint8Array(kept.reduce((sum, { start, end }) => sum + end - start, 0));
      let at = 0;
      for (const { start, end } of kept) {
        out.set(body.subarray(start, end), at);
        at += end - start;
      }
      return {
        recordCount: kept.length,
        tombstones: kept.filter(({ hasValue }) => !hasValue).length,
        timestampDeltaMax: kept.reduce((latest, { timestampDelta }) => Math.max(latest, timestampDelta), -(2 ** 63)),
        body: out,
      };
    },
  };
}
