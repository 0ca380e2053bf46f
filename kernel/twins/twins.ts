/**
 * The whole kernel in plain TypeScript: oracle of the property tests, baseline of the benches, and what the WebAssembly kernel
 * falls back to for inputs too large for its scratch memory.
 */
import type { Kernel } from "../interface.ts";
import { crc32c } from "./crc32c.ts";
import { decompressLz4 } from "./lz4.ts";
import { assignOffsets, batches, correctMaxTimestamp, gather, stampAppendTime } from "./offsets.ts";
import { firstRecordAtOrAfter, records } from "./records.ts";
import { decompressSnappy } from "./snappy.ts";
import { validate, validateBody } from "./validate.ts";

export const twins: Kernel = {
  crc32c,
  validate: (bytes, options) => validate(bytes, options),
  validateBody,
  assignOffsets,
  stampAppendTime: (bytes, timestamp) => stampAppendTime(bytes, timestamp, crc32c),
  correctMaxTimestamp: (batch, maxTimestamp) => correctMaxTimestamp(batch, maxTimestamp, crc32c),
  gather,
  batches,
  records,
  firstRecordAtOrAfter,
  decompressLz4,
  decompressSnappy,
};
