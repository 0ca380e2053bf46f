/**
 * The records of one batch, decompressed. An uncompressed body is a view and costs no await.
 */
import { decompress } from "../../kernel/decompress.ts";
import type { BatchHeader } from "../../kernel/interface.ts";

const headerBytes = 61;
const codecMask = 0x07;
/** What a body may grow to: a batch of a few kilobytes may claim gigabytes. */
const bodyBytesMax = 32 * 1024 * 1024;

export function batchBody({ position, size, attributes }: BatchHeader, records: Uint8Array): Uint8Array | Promise<Uint8Array> {
  const body = records.subarray(position + headerBytes, position + size);
  const codec = attributes & codecMask;
  return codec === 0 ? body : decompress(codec, body, bodyBytesMax);
}
