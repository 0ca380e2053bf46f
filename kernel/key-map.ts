/**
 * The map of keys that a compaction works with, in WebAssembly memory of its own: an instance for each map, so that its memory is given
 * back when the map is forgotten. Secret words keep strangers from making keys that the map takes for one.
 */
import { instantiate } from "#kernel-module";
import type { KeptRecords, KeyMap } from "./interface.ts";

const slotBytes = 16;
const pageBytes = 65_536;
/** What the kernel may load behind a body. */
const slackBytes = 64;
/** Beyond this share of slots in use look-ups would take too many steps. */
const usedShareMax = 0.8;

export type KeyMapSecret = readonly [number, number, number, number];

export interface KeyMapOptions {
  /** Offsets below it are not mapped. */
  readonly startOffset: number;
  readonly secret: KeyMapSecret;
  /** Of the map; bodies take their own size besides. */
  readonly byteLength: number;
}

export function wasmKeyMap({ startOffset, secret, byteLength }: KeyMapOptions): KeyMap {
  const wasm = instantiate();
  const slots = Math.max(2, Math.floor(byteLength / slotBytes));
  const map = wasm.scratchStart();
  const input = map + slots * slotBytes;
  let memory = new Uint8Array(wasm.memory.buffer);

  function load(body: Uint8Array): void {
    const missing = input + body.length + slackBytes - memory.length;
    if (missing > 0) {
      wasm.memory.grow(Math.ceil(missing / pageBytes));
      memory = new Uint8Array(wasm.memory.buffer);
    }
    memory.set(body, input);
  }

  load(new Uint8Array(0));
  wasm.keysStart(map, slots, Math.max(1, Math.floor(slots * usedShareMax)), ...secret);
  return {
    get size() {
      return wasm.keysUsed();
    },
    put(body, recordCount, baseOffset) {
      load(body);
      const count = wasm.keysPut(input, body.length, recordCount, baseOffset - startOffset);
      if (count < 0) return undefined;
      const last = wasm.keysLastOffset();
      return { end: last < 0 ? -1 : startOffset + last + 1, isFull: count < recordCount };
    },
    filter(body, recordCount, baseOffset, mapEnd, keepTombstones): KeptRecords | undefined {
      load(body);
      const base = baseOffset - startOffset;
      const kept = wasm.keysFilter(input, body.length, recordCount, base, mapEnd - startOffset, keepTombstones ? 1 : 0);
      if (kept < 0) return undefined;
      return {
        recordCount: kept,
        tombstones: wasm.keysKeptTombstones(),
        timestampDeltaMax: wasm.keysKeptTimestampDeltaMax(),
        body: memory.subarray(input, input + wasm.keysKeptLength()),
      };
    },
  };
}
