/** The row that says which offsets were forgotten, committed ones and those of open transactions alike. */
import { type ByteReader, ByteWriter } from "./bytes.ts";
import { offsetsRemovedKind } from "./entries.ts";
import type { OffsetKeys } from "./offsets.ts";

export function offsetsRemovedEntry(keys: readonly OffsetKeys[]): Uint8Array {
  const writer = new ByteWriter().int(offsetsRemovedKind);
  return writer
    .list(keys, keys.length, ({ topicId, partitions }) =>
      writer.string(topicId).list(partitions, partitions.length, (partition) => writer.int(partition)),
    )
    .finish();
}

/** Behind the kind. */
export function readOffsetsRemoved(reader: ByteReader): readonly OffsetKeys[] {
  return reader.list(() => ({ topicId: reader.string(), partitions: reader.list(() => reader.int()) }));
}
