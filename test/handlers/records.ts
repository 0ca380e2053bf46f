/** Record sets as producers send them. */
import { encodeBatch } from "../kernel/batch-builder.ts";
import type { BatchSpec } from "../kernel/batch-builder.ts";

const encoder = new TextEncoder();

export interface Producing extends Omit<BatchSpec, "records"> {
  readonly values?: readonly string[];
  readonly keys?: readonly (string | null)[];
  /** Of each record, in milliseconds since 1970. */
  readonly timestamps?: readonly number[];
}

export function batch({ values = ["v"], keys, timestamps, ...fields }: Producing = {}): Uint8Array {
  const times = timestamps ?? values.map(() => 1_700_000_000_000);
  const base = times[0]!;
  return encodeBatch({
    records: values.map((value, index) => {
      const key = keys?.[index] ?? null;
      return {
        key: key === null ? null : encoder.encode(key),
        value: encoder.encode(value),
        timestampDelta: times[index]! - base,
      };
    }),
    baseTimestamp: BigInt(base),
    maxTimestamp: BigInt(Math.max(...times)),
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    ...fields,
  });
}
