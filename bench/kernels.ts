/**
 * The kernels against their plain twins, against the CPU's own CRC instruction, and validation against the CRC alone. Every figure
 * is the best of many short rounds, and what is compared is measured in turns, so that a busy neighbour troubles both alike.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compress } from "../kernel/compress.ts";
import { compressLz4Block, compressSnappyBlock, kernel } from "../kernel/kernel.ts";
import { compressLz4Frame } from "../kernel/lz4-frame.ts";
import { compressSnappyStream } from "../kernel/snappy-frame.ts";
import { twins } from "../kernel/twins/twins.ts";
import { concat, encodeBatch } from "../test/kernel/batch-builder.ts";
import { noise } from "../test/kernel/noise.ts";
import { startNativeCrc } from "./native-crc32c.ts";
import type { BenchOptions, Budget, Row } from "./row.ts";

const mebibyte = 1 << 20;
let rounds = 12;
const roundMs = 25;
const validation = { keysRequired: false, batchSizeMax: 32 * mebibyte };

/** Seconds of the fastest call in one round, calls of less than 100 µs taken in bunches. */
function fastest(run: () => void): number {
  const trialStart = performance.now();
  run();
  const bunch = Math.max(1, Math.floor(0.1 / Math.max(performance.now() - trialStart, 0.0005)));
  let best = Infinity;
  for (const end = performance.now() + roundMs; performance.now() < end;) {
    const start = performance.now();
    for (let index = 0; index < bunch; index++) run();
    best = Math.min(best, (performance.now() - start) / bunch);
  }
  return best / 1000;
}

/** The best seconds of each, in the order given. */
function inTurns(...runs: readonly (() => void)[]): number[] {
  const best = runs.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    for (const [index, run] of runs.entries()) best[index] = Math.min(best[index]!, fastest(run));
  }
  return best;
}

function rate(name: string, bytes: number, [seconds = 0, other]: readonly number[], against?: string, budget?: Budget): Row {
  return {
    name,
    value: bytes / seconds / 1e9,
    unit: "GB/s",
    ...(other === undefined ? {} : { ratio: other / seconds, against }),
    budget,
  };
}

async function crcRows(note: (text: string) => void): Promise<Row[]> {
  const bytes = noise(mebibyte, 1);
  const against = (run: () => void): number[] => inTurns(run, () => void twins.crc32c(bytes));
  const rows = [
    rate(
      "CRC-32C, 1 MiB",
      mebibyte,
      against(() => void kernel.crc32c(bytes)),
      "twin",
    ),
  ];
  for (const length of [100, 1024, 16_384]) {
    const view = bytes.subarray(0, length);
    rows.push(
      rate(
        `CRC-32C, ${length} B`,
        length,
        inTurns(
          () => void kernel.crc32c(view),
          () => void twins.crc32c(view),
        ),
        "twin",
      ),
    );
  }
  const native = startNativeCrc(mebibyte);
  if (typeof native === "string") {
    note(native);
    return rows;
  }
  const best = { kernel: 0, one: 0, three: 0 };
  for (let round = 0; round < rounds; round++) {
    best.kernel = Math.max(best.kernel, mebibyte / fastest(() => void kernel.crc32c(bytes)) / 1e9);
    const { one, three } = await native.round();
    best.one = Math.max(best.one, one);
    best.three = Math.max(best.three, three);
  }
  native.close();
  const shared = { name: "CRC-32C, 1 MiB", value: best.kernel, unit: "GB/s" };
  rows.push({
    ...shared,
    ratio: best.kernel / best.one,
    against: `native instruction (${best.one.toFixed(1)} GB/s)`,
    budget: { of: "ratio", atLeast: 0.7 },
  });
  rows.push({ ...shared, ratio: best.kernel / best.three, against: `native, three streams (${best.three.toFixed(1)} GB/s)` });
  return rows;
}

function setOf(recordBytes: number): Uint8Array {
  const count = Math.ceil(mebibyte / (recordBytes + 12));
  return encodeBatch({ records: Array.from({ length: count }, (_, index) => ({ value: noise(recordBytes, index + 1) })) });
}

function validateRows(): Row[] {
  return [1024, 100, 10].flatMap((recordBytes) => {
    const set = setOf(recordBytes);
    const name = `validate 1 MiB of ${recordBytes} B records`;
    const [validated = 0, crc = 0, twin = 0] = inTurns(
      () => void kernel.validate(set, validation),
      () => void kernel.crc32c(set),
      () => void twins.validate(set, validation),
    );
    return [
      rate(name, set.length, [validated, crc], "CRC alone", recordBytes === 1024 ? { of: "ratio", atLeast: 0.77 } : undefined),
      rate(name, set.length, [validated, twin], "twin"),
    ];
  });
}

/** These have no WebAssembly variant; the copy that it would begin with is what they are measured against. */
function plainRows(): Row[] {
  const batch = encodeBatch({ records: [{ value: noise(4000, 3) }] });
  const set = concat(Array.from({ length: 256 }, () => batch));
  const pieces = Array.from({ length: 16 }, (_, index) => ({ bytes: set, baseOffset: index * 256, leaderEpoch: 1 }));
  const target = new Uint8Array(set.length);
  const copy = (): void => target.set(set);
  const against = "copying the bytes once";
  return [
    rate(
      "assign offsets, 256 batches in 1 MiB",
      set.length,
      inTurns(() => void kernel.assignOffsets(set, 5, 1), copy),
      against,
    ),
    rate(
      "batch headers, 256 in 1 MiB",
      set.length,
      inTurns(() => void kernel.batches(set), copy),
      against,
    ),
    rate(
      "gather 16 MiB",
      16 * set.length,
      inTurns(
        () => void kernel.gather(pieces),
        () => void concat(pieces.map(({ bytes }) => bytes)),
      ),
      against,
    ),
  ];
}

/** A body much like the golden ones, about 1 MiB, by repeating what stock clients compressed. */
async function decompressRows(): Promise<Row[]> {
  const rows: Row[] = [];
  const codecs = [
    [
      "lz4",
      "java",
      (bytes: Uint8Array) => twins.decompressLz4(bytes, mebibyte),
      (bytes: Uint8Array) => kernel.decompressLz4(bytes, mebibyte),
    ],
    [
      "snappy",
      "java",
      (bytes: Uint8Array) => twins.decompressSnappy(bytes, mebibyte),
      (bytes: Uint8Array) => kernel.decompressSnappy(bytes, mebibyte),
    ],
  ] as const;
  for (const [codec, client, twin, wasm] of codecs) {
    const body = new Uint8Array(readFileSync(join(import.meta.dirname, `../test/kernel/golden/${client}-${codec}.bin`))).subarray(
      61,
    );
    const { length } = wasm(body);
    rows.push(
      rate(
        `${codec}, a body of ${Math.round(length / 1024)} KiB`,
        length,
        inTurns(
          () => void wasm(body),
          () => void twin(body),
        ),
        "twin",
      ),
    );
  }
  return rows;
}

/** No twin to compare with: against opening again what was made. */
async function compressRows(): Promise<Row[]> {
  const body = new Uint8Array(readFileSync(join(import.meta.dirname, "../test/kernel/golden/java-none.bin"))).subarray(61);
  const lz4 = await compress(3, body);
  const snappy = await compress(2, body);
  const [toLz4 = 0, fromLz4 = 0, toSnappy = 0, fromSnappy = 0] = inTurns(
    () => void compressLz4Frame(body, compressLz4Block),
    () => void kernel.decompressLz4(lz4, mebibyte),
    () => void compressSnappyStream(body, compressSnappyBlock),
    () => void kernel.decompressSnappy(snappy, mebibyte),
  );
  const against = "decompressing it";
  return [
    rate(`compress ${Math.round(body.length / 1024)} KiB, lz4`, body.length, [toLz4, fromLz4], against),
    rate(`compress ${Math.round(body.length / 1024)} KiB, snappy`, body.length, [toSnappy, fromSnappy], against),
  ];
}

export async function run(options: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  rounds = options.quick ? 3 : 12;
  return [...(await crcRows(note)), ...validateRows(), ...plainRows(), ...(await decompressRows()), ...(await compressRows())];
}

if (import.meta.main) {
  const quick = process.argv.includes("--quick");
  for (const { name, value, unit, ratio, against } of await run({ quick }, console.error)) {
    const compared = ratio === undefined ? "" : `  ${ratio.toFixed(2)} × ${against}`;
    console.log(`${name.padEnd(40)} ${value.toFixed(2).padStart(8)} ${unit}${compared}`);
  }
}
