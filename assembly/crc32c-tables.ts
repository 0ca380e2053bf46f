// CRC-32C by slicing: sixteen bytes a step through sixteen tables of 1 KiB. Right for short inputs, and for the short remainder
// that division leaves of long ones.

const SLICES: usize = 16;
const tables: usize = memory.data(16 * 1024, 64);

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

/** Moves the raw (inverted) register over [start, start + length). */
export function slice(register: u32, start: usize, length: usize): u32 {
  let crc = register;
  let at = start;
  const end = start + length;
  for (; at + 16 <= end; at += 16) {
    const near = word(3, load<u32>(at) ^ crc) ^ word(2, load<u32>(at, 4));
    crc = near ^ word(1, load<u32>(at, 8)) ^ word(0, load<u32>(at, 12));
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ entry(0, crc ^ <u32>load<u8>(at));
  return crc;
}

function word(fromLast: usize, bytes: u32): u32 {
  const base = fromLast << 2;
  return entry(base + 3, bytes) ^ entry(base + 2, bytes >>> 8) ^ (entry(base + 1, bytes >>> 16) ^ entry(base, bytes >>> 24));
}

function entry(table: usize, byte: u32): u32 {
  return load<u32>(tables + (table << 10) + ((<usize>(byte & 255)) << 2));
}
