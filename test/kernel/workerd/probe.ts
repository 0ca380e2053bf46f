/** A Worker, and a browser's module, that says what the kernel there makes of the record set it is given. */
import { attributeMask } from "../../../kernel/batch-layout.ts";
import { decompress } from "../../../kernel/decompress.ts";
import { DecompressError } from "../../../kernel/decompress-error.ts";
import { kernel } from "../../../kernel/kernel.ts";

export interface Finding {
  readonly crc: number;
  readonly valid: boolean;
  readonly recordCount: number;
  readonly faults: readonly string[];
}

export async function examine(set: Uint8Array): Promise<Finding> {
  const header = kernel.batches(set)[0]!;
  const codec = header.attributes & attributeMask.codec;
  const compressed = set.subarray(61);
  const body = await decompress(codec, compressed, 1 << 20);
  return {
    crc: kernel.crc32c(set),
    valid: kernel.validate(set, { keysRequired: true, batchSizeMax: set.length }).ok,
    recordCount: kernel.records(header, body).length,
    faults: [
      await faultOf(decompress(codec, compressed, body.length)),
      await faultOf(decompress(codec, compressed, body.length - 1)),
      await faultOf(decompress(codec, compressed.subarray(0, 50), 1 << 20)),
      await faultOf(decompress(codec, new Uint8Array(60).fill(7), 1 << 20)),
    ],
  };
}

async function faultOf(decompressed: Promise<Uint8Array>): Promise<string> {
  try {
    await decompressed;
    return "none";
  } catch (error) {
    return error instanceof DecompressError ? error.fault : `a stray ${String(error)}`;
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await examine(new Uint8Array(await request.arrayBuffer())));
  },
};
