// Where the fields of a record batch (magic 2) lie, how its big-endian integers are read, and the numbers that cross the border.
// kernel/batch-layout.ts and kernel/kernel.ts say the same for the other side.

export const MAGIC: usize = 16;
export const CRC: usize = 17;
export const ATTRIBUTES: usize = 21;
export const LAST_OFFSET_DELTA: usize = 23;
export const BASE_TIMESTAMP: usize = 27;
export const MAX_TIMESTAMP: usize = 35;
export const PRODUCER_ID: usize = 43;
export const PRODUCER_EPOCH: usize = 51;
export const BASE_SEQUENCE: usize = 53;
export const RECORD_COUNT: usize = 57;
export const RECORDS: usize = 61;
export const PROLOGUE: usize = 12;

export function readInt16(at: usize): i32 {
  return <i32>(<i16>bswap<u16>(load<u16>(at)));
}

export function readInt32(at: usize): i32 {
  return <i32>bswap<u32>(load<u32>(at));
}

export function readInt64(at: usize): i64 {
  return <i64>bswap<u64>(load<u64>(at));
}
