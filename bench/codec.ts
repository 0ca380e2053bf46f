/**
 * Requests and responses a second, on one core. What the codec may cost depends on what goes through it, so it is measured against
 * the least that must be done with the same bytes: validating the records of a Produce, copying the answer of a Fetch.
 */
import { decodeRequest, encodeResponse } from "../protocol/codec.ts";
import { fetch } from "../protocol/messages/01-fetch.ts";
import { kernel } from "../kernel/kernel.ts";
import { batchOf, produceRequest } from "./load/requests.ts";
import type { BenchOptions, Row } from "./row.ts";
import { mediansInTurns } from "./statistics.ts";

const validation = { keysRequired: false, batchSizeMax: 1 << 30 };

/** Calls a second. */
function rate(run: () => void, ms: number): number {
  let calls = 0;
  const start = performance.now();
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - start) {
    for (let index = 0; index < 32; index++) run();
    calls += 32;
  }
  return calls / ((performance.now() - start) / 1000);
}

interface Shape {
  readonly name: string;
  readonly partitions: number;
  readonly batch: Uint8Array;
}

async function produceRow({ name, partitions, batch }: Shape, repetitions: number): Promise<Row> {
  const batches = new Map(Array.from({ length: partitions }, (_, index) => [index, batch]));
  const frame = produceRequest("hello", batches).subarray(4);
  const { decode, validate } = await mediansInTurns(repetitions, {
    decode: () => rate(() => void decodeRequest(frame), 60),
    validate: () =>
      rate(() => {
        for (let index = 0; index < partitions; index++) kernel.validate(batch, validation);
      }, 60),
  });
  return {
    name: `decode Produce, ${name}`,
    value: decode,
    unit: "requests/s",
    ratio: decode / validate,
    against: "validating its records",
  };
}

async function fetchRow({ name, partitions, batch }: Shape, repetitions: number): Promise<Row> {
  const body = {
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    responses: [
      {
        topicId: "b1946ac9-2c5d-4f0e-9d5c-9b7f0e2c1a55",
        partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
          partitionIndex,
          errorCode: 0,
          highWatermark: 1000n,
          lastStableOffset: 1000n,
          logStartOffset: 0n,
          abortedTransactions: null,
          records: batch,
        })),
      },
    ],
  };
  const copyTarget = new Uint8Array(partitions * batch.byteLength);
  const { encode, copy } = await mediansInTurns(repetitions, {
    encode: () => rate(() => void encodeResponse(fetch, 17, 7, body), 60),
    copy: () =>
      rate(() => {
        for (let index = 0; index < partitions; index++) copyTarget.set(batch, index * batch.byteLength);
      }, 60),
  });
  return {
    name: `encode Fetch, ${name}`,
    value: encode,
    unit: "responses/s",
    ratio: encode / copy,
    against: "copying its records once",
  };
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const repetitions = quick ? 2 : 7;
  const shapes: Shape[] = [
    { name: "1 record of 100 B", partitions: 1, batch: batchOf({ recordBytes: 100, records: 1 }) },
    { name: "1 MiB in one partition", partitions: 1, batch: batchOf({ recordBytes: 1024, records: 1000 }) },
    { name: "64 partitions of 16 KiB", partitions: 64, batch: batchOf({ recordBytes: 1024, records: 15 }) },
  ];
  const rows: Row[] = [];
  for (const shape of shapes) rows.push(await produceRow(shape, repetitions));
  for (const shape of shapes) rows.push(await fetchRow(shape, repetitions));
  return rows;
}
