/**
 * CRC-32C (Castagnoli) by slicing: eight bytes a step through eight tables. The oracle for the SIMD kernel, and the way for
 * places that have no WebAssembly.
 */

const polynomial = 0x82f63b78;
const slices = 8;

const tables = buildTables();

function buildTables(): Int32Array {
  const table = new Int32Array(256 * slices);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? polynomial : 0);
    table[byte] = value;
  }
  for (let index = 256; index < table.length; index++) {
    const previous = table[index - 256]!;
    table[index] = (previous >>> 8) ^ table[previous & 255]!;
  }
  return table;
}

export function crc32c(bytes: Uint8Array): number {
  const table = tables;
  const length = bytes.length;
  const wholeEnd = length - (length % slices);
  let crc = -1;
  let position = 0;
  for (; position < wholeEnd; position += slices) {
    const low =
      crc ^ (bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24));
    crc =
      table[0x700 + (low & 255)]! ^
      table[0x600 + ((low >>> 8) & 255)]! ^
      table[0x500 + ((low >>> 16) & 255)]! ^
      table[0x400 + (low >>> 24)]! ^
      table[0x300 + bytes[position + 4]!]! ^
      table[0x200 + bytes[position + 5]!]! ^
      table[0x100 + bytes[position + 6]!]! ^
      table[bytes[position + 7]!]!;
  }
  for (; position < length; position++) crc = (crc >>> 8) ^ table[(crc ^ bytes[position]!) & 255]!;
  return ~crc >>> 0;
}
