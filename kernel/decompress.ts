/**
 * One batch body, whatever its codec. Asynchronous, because gzip is left to the platform's stream; nothing here holds more than
 * `sizeMax` bytes of output, however small the input that claims more.
 */
import { Decompress } from "fzstd";
import { DecompressError } from "./decompress-error.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import { kernel } from "./kernel.ts";

/** By the numbers of a batch's attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. Fails with a DecompressError only. */
export async function decompress(codec: number, bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  if (codec === 0) return bytes;
  if (codec === 1) return gunzip(bytes, sizeMax);
  if (codec === 2) return kernel.decompressSnappy(bytes, sizeMax);
  if (codec === 3) return kernel.decompressLz4(bytes, sizeMax);
  if (codec === 4) return unzstd(bytes, sizeMax);
  throw new DecompressError("codec", `no codec has the number ${codec}`);
}

async function gunzip(bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  const output = new GrowingBytes(bytes.length * 4, sizeMax);
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const written = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close());
  // Its failure is the reader's too, which is the one that is awaited.
  written.catch(() => {});
  const reader = stream.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return output.finish();
      output.append(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    if (error instanceof DecompressError) throw error;
    throw new DecompressError("malformed", `not a gzip stream: ${String(error)}`);
  }
}

function unzstd(bytes: Uint8Array, sizeMax: number): Uint8Array {
  const output = new GrowingBytes(bytes.length * 4, sizeMax);
  try {
    const stream = new Decompress((chunk) => output.append(chunk));
    stream.push(bytes, true);
    return output.finish();
  } catch (error) {
    if (error instanceof DecompressError) throw error;
    throw new DecompressError("malformed", `not a Zstandard frame: ${String(error)}`);
  }
}
