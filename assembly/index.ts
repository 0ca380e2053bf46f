// What the module offers; kernel/exports.ts says the same to TypeScript. Every call takes addresses and numbers only.
export { buildTables, crc32c, update as crc32cUpdate } from "./crc32c";
export { validate, validateBody, validationTable, validationVerdict } from "./validate";

/** The first address that is nobody's: scratch space begins here. */
export function scratchStart(): usize {
  return (__heap_base + 63) & ~63;
}
