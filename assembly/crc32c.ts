// CRC-32C (Castagnoli) by slicing: sixteen bytes a step through sixteen tables.

const SLICES = 16;
const tables: usize = memory.data(16 * 1024, 64);

function entry(slice: usize, byte: u32): u32 {
  return load<u32>(tables + (slice << 10) + ((<usize>(byte & 255)) << 2));
}

export function buildTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? <u32>0x82f63b78 : 0);
    store<u32>(tables + ((<usize>byte) << 2), value);
  }
  for (let index: usize = 256; index < 256 * SLICES; index++) {
    const previous = load<u32>(tables + ((index - 256) << 2));
    store<u32>(tables + (index << 2), (previous >>> 8) ^ entry(0, previous));
  }
}

export function crc32c(start: usize, length: usize): u32 {
  return ~update(<u32>-1, start, length);
}

/** Moves the raw (inverted) register over [start, start + length). */
export function update(register: u32, start: usize, length: usize): u32 {
  let crc = register;
  let at = start;
  const end = start + length;
  for (; at + 16 <= end; at += 16) {
    const a = load<u32>(at) ^ crc;
    const b = load<u32>(at, 4);
    const c = load<u32>(at, 8);
    const d = load<u32>(at, 12);
    crc =
      entry(15, a) ^
      entry(14, a >>> 8) ^
      entry(13, a >>> 16) ^
      entry(12, a >>> 24) ^
      entry(11, b) ^
      entry(10, b >>> 8) ^
      entry(9, b >>> 16) ^
      entry(8, b >>> 24) ^
      entry(7, c) ^
      entry(6, c >>> 8) ^
      entry(5, c >>> 16) ^
      entry(4, c >>> 24) ^
      entry(3, d) ^
      entry(2, d >>> 8) ^
      entry(1, d >>> 16) ^
      entry(0, d >>> 24);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ entry(0, crc ^ <u32>load<u8>(at));
  return crc;
}
