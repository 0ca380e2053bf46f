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
  /** Stored or not: objects whose commits are not all answered. */
  readonly objectsOpen: number;
  /** Since the last upload began, and since the last commit of an object was answered. */
  readonly sinceUploadMs: number;
  readonly sinceCommitMs: number;
  /** What the object took that was answered last, from its PUT to the answer. */
  readonly roundMs: number;
  /** What was buffered when that answer came and as much again as was answered: more will hardly come while nothing is answered. */
  readonly expectedBytes: number;
}

/** At once while PUTs may be spent, when the buffer is full in any case, and never more uploads than the platform's connections allow. */
export function flushesObject(backlog: ObjectBacklog, settings: Settings): boolean {
  if (backlog.byteLength === 0 || backlog.uploadsInFlight >= settings["wal.uploads.max"]) return false;
  if (backlog.byteLength >= settings["wal.buffer.bytes"]) return true;
  return backlog.putTokens >= 1 && companyLeftMs(backlog, settings) === 0;
}

/**
 * How long the backlog still waits for company: a moment while an object is on its way, and after it was answered until the answered
 * have sent as much again, or as long has passed as the object took: what a machine needs for one grows with what clients need. A
 * producer that pipelines small requests sends the next ones then; without it each would pay for a PUT, a commit and a synced row of its
 * own, where one for all takes no longer. A stream of large requests fills objects of some MiB that way instead of paying for each. What
 * is large for a quiet broker travels alone, as a lone record does.
 */
export function companyLeftMs(backlog: ObjectBacklog, settings: Settings): number {
  const { byteLength, objectsOpen, sinceUploadMs, sinceCommitMs } = backlog;
  const spacingMs = settings["wal.uploads.spacing.ms"];
  if (byteLength >= settings["wal.buffer.bytes"] / (objectsOpen > 0 ? 2 : 8)) return 0;
  if (objectsOpen > 0) return Math.max(0, spacingMs - sinceUploadMs);
  const patienceMs = Math.min(Math.max(backlog.roundMs, spacingMs / 4), spacingMs);
  return byteLength >= backlog.expectedBytes ? 0 : Math.max(0, patienceMs - sinceCommitMs);
}

/** Inline bytes a cell may burst: one second's worth, and always one whole flush. */
export function inlineBurstBytes(settings: Settings): number {
  return Math.max(settings["wal.inline.bytes"], settings["wal.inline.bytes.per.second"]);
}
