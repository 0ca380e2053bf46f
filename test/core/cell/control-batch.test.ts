/** Markers byte by byte, against what Apache Kafka's own MemoryRecords.withEndTransactionMarker writes. */
import { expect, test } from "vitest";
import { controlBatchBytes, writeControlBatch, type EndMarker } from "../../../core/cell/control-batch.ts";
import { kernel } from "../../../kernel/kernel.ts";

const common = { producerId: 4001, timestampMs: 1_700_000_000_123, stamped: false };
const golden: readonly (readonly [marker: EndMarker, hex: string])[] = [
  [
    { ...common, producerEpoch: 0, coordinatorEpoch: 0, commit: true },
    "0000000000000000000000420000000002d1c8268a0030000000000000018bcfe5687b0000018bcfe5687b0000000000000fa10000ffffffff000000012000000008000000010c00000000000000",
  ],
  [
    { ...common, producerEpoch: 7, coordinatorEpoch: 12, commit: false },
    "00000000000000000000004200000000023621ce8b0030000000000000018bcfe5687b0000018bcfe5687b0000000000000fa10007ffffffff000000012000000008000000000c00000000000c00",
  ],
  [
    {
      producerId: 9_007_199_254_740,
      producerEpoch: 32_767,
      coordinatorEpoch: 2_147_483_647,
      commit: true,
      timestampMs: 0,
      stamped: false,
    },
    "0000000000000000000000420000000002b74553e0003000000000000000000000000000000000000000000000083126e978d47fffffffffff000000012000000008000000010c00007fffffff00",
  ],
];

function written(marker: EndMarker): Uint8Array {
  const bytes = new Uint8Array(controlBatchBytes);
  writeControlBatch(bytes, marker);
  return bytes;
}

test.each(golden)("a marker of %o is Kafka's, to the byte", (marker, hex) => {
  expect(Buffer.from(written(marker)).toString("hex")).toBe(hex);
});

test("on topics with LogAppendTime it bears that bit, and a CRC that fits", () => {
  const bytes = written({ ...golden[0]![0], stamped: true });
  const [header] = kernel.batches(bytes);
  expect(header!.attributes).toBe(0x38);
  const crc = new DataView(bytes.buffer).getUint32(17);
  expect(kernel.crc32c(bytes.subarray(21)) >>> 0).toBe(crc);
});
