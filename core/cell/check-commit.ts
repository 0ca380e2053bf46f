/**
 * The shape of a commit, before anything is made of it: a broker that lies about it is broken, and must not leave a row that cannot be
 * applied or bytes that cannot be found. What a client may get wrong is judged batch by batch instead.
 */
import type { CommitRequest } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";

/** Extents count bytes in 32 bits. */
const sourceBytesMax = 0xffffffff;
const offsetCountMax = 2 ** 31;

/** Answers the log of each entry; undefined: the cell has none. */
export function checkCommit(state: CellState, request: CommitRequest): readonly (PartitionLog | undefined)[] {
  const { source, entries } = request;
  const end = source.kind === "object" ? source.byteLength : source.records.length;
  if (!isCount(end) || end > sourceBytesMax || (source.kind === "object" && !isCount(source.sequence))) {
    throw new OperatingError("invalid", "a commit names an object that cannot be");
  }
  const seen = new Set<PartitionLog>();
  const logs: (PartitionLog | undefined)[] = [];
  for (const entry of entries) {
    const { topicId, partition, byteStart, batches } = entry;
    const log = state.find(entry);
    if (log !== undefined && seen.has(log)) throw new OperatingError("invalid", `a commit names ${topicId}/${partition} twice`);
    if (log !== undefined) seen.add(log);
    logs.push(log);
    let position = byteStart;
    for (const { size, offsetCount } of batches) {
      if (!(isCount(size) && isCount(offsetCount) && size > 0 && offsetCount > 0 && offsetCount <= offsetCountMax)) {
        throw new OperatingError("invalid", `a commit carries a batch of ${topicId}/${partition} without size or offsets`);
      }
      position += size;
    }
    if (!isCount(byteStart) || position > end || batches.length === 0) {
      throw new OperatingError("invalid", `a commit's batches of ${topicId}/${partition} lie outside of its bytes`);
    }
  }
  return logs;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
