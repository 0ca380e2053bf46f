/**
 * D4 in two questions: which of the two ways to durability what is buffered for a cell takes, and whether an object is written
 * now. The machine that asks keeps the counts; here are only the rules.
 */
import type { Settings } from "../settings.ts";

export interface CellBacklog {
  readonly byteLength: number;
  readonly inlineTokens: number;
  /** The leader lately said that it holds too many inline bytes. */
  readonly inlineRefused: boolean;
}

export function takesInline(backlog: CellBacklog, settings: Settings): boolean {
  return backlog.byteLength <= settings["wal.inline.bytes"] && backlog.byteLength <= backlog.inlineTokens && !backlog.inlineRefused;
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
