// What the module offers; kernel/exports.ts says the same to TypeScript. Every call takes addresses and numbers only.
export { crcEnd, crcPiece, crcStart } from "./crc32c";
export { buildTables } from "./crc32c-tables";
export { inputAddress, pieceBytes } from "./input";
export { walkEnd, walkPiece, walkPosition, walkRecord, walkStart, walkTimestampDeltaMax } from "./walk";
export { lz4Block } from "./lz4";
export { snappyElements } from "./snappy";

/** The first address that is nobody's: room for inputs and outputs of the decompressors begins here. */
export function scratchStart(): usize {
  return (__heap_base + 63) & ~63;
}
export { compressLz4, compressSnappy } from "./compress";
export {
  keysFilter,
  keysKeptLength,
  keysKeptTimestampDeltaMax,
  keysKeptTombstones,
  keysLastOffset,
  keysPut,
  keysStart,
  keysUsed,
} from "./keys";
