/**
 * D4 in two questions: which of the two ways to durability what is buffered for a cell takes, and whether an object is written
 * now. The machine that asks keeps the counts; here are only the rules.
 */
import type { Settings } from "../settings.ts";

/** Records of a commit and what is said about them share one row at the leader, and SQLite takes no row beyond 2 MB (D6). */
const inlineBytesMost = 1024 * 1024;

export interface CellBacklog {
  readonly byteLength: number;
  readonly inlineTokens: number;
  /** The leader lately said that it holds too many inline bytes. */
  readonly inlineRefused: boolean;
}

export function takesInline({ byteLength, inlineTokens, inlineRefused }: CellBacklog, settings: Settings): boolean {
  const limit = Math.min(settings["wal.inline.bytes"], inlineBytesMost);
  return byteLength <= limit && byteLength <= inlineTokens && !inlineRefused;
}

export interface ObjectBacklog {
  readonly byteLength: number;
  readonly putTokens: number;
  readonly uploadsInFlight: number;
}

/** At once while PUTs may be spent, when the buffer is full in any case, and never more uploads than the platform's connections allow. */
export function flushesObject(backlog: ObjectBacklog, settings: Settings): boolean {
  if (backlog.byteLength === 0 || backlog.uploadsInFlight >= settings["wal.uploads.max"]) return false;
  return backlog.putTokens >= 1 || backlog.byteLength >= settings["wal.buffer.bytes"];
}

/** Inline bytes a cell may burst: one second's worth, and always one whole flush. */
export function inlineBurstBytes(settings: Settings): number {
  return Math.max(settings["wal.inline.bytes"], settings["wal.inline.bytes.per.second"]);
}
