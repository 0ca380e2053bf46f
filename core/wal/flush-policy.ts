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
  /** Since the last upload began. */
  readonly sinceUploadMs: number;
}

/**
 * At once while PUTs may be spent, when the buffer is full in any case, and never more uploads than the platform's connections allow.
 * Beside an upload under way a small one waits a moment: a producer that pipelines small requests would else pay a PUT, a commit and
 * a synced row for each of them, where one for all takes no longer.
 */
export function flushesObject(backlog: ObjectBacklog, settings: Settings): boolean {
  if (backlog.byteLength === 0 || backlog.uploadsInFlight >= settings["wal.uploads.max"]) return false;
  if (backlog.byteLength >= settings["wal.buffer.bytes"]) return true;
  return backlog.putTokens >= 1 && spacingLeftMs(backlog, settings) === 0;
}

/** How long the backlog still waits for company. */
export function spacingLeftMs({ byteLength, uploadsInFlight, sinceUploadMs }: ObjectBacklog, settings: Settings): number {
  const travelsAlone = uploadsInFlight === 0 || byteLength >= settings["wal.buffer.bytes"] / 8;
  return travelsAlone ? 0 : Math.max(0, settings["wal.uploads.spacing.ms"] - sinceUploadMs);
}

/** Inline bytes a cell may burst: one second's worth, and always one whole flush. */
export function inlineBurstBytes(settings: Settings): number {
  return Math.max(settings["wal.inline.bytes"], settings["wal.inline.bytes.per.second"]);
}
