/**
 * What a leader knows of a topic's configs, and how rows spell it: a number a setting, so that settings can be added and older rows
 * still read. What a row does not say has the value that changes nothing: a leader that was never told of a limit deletes nothing.
 */
import type { PartitionSettings } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";

export type LeaderSettings = Required<PartitionSettings>;

export const settingsUntold: LeaderSettings = {
  timestampType: "CreateTime",
  cleanupPolicy: "delete",
  retentionMs: -1,
  retentionBytes: -1,
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 86_400_000,
  minCleanableDirtyMillionths: 500_000,
  deleteRetentionMs: 86_400_000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: 2 ** 51,
};

/** By the number that stands for it in rows, which never changes. A choice is written as its place in the list. */
const spelling: readonly { readonly number: number; readonly name: keyof LeaderSettings; readonly choices?: readonly string[] }[] =
  [
    { number: 1, name: "timestampType", choices: ["CreateTime", "LogAppendTime"] },
    { number: 2, name: "cleanupPolicy", choices: ["delete", "compact", "compact,delete", "none"] },
    { number: 3, name: "retentionMs" },
    { number: 4, name: "retentionBytes" },
    { number: 5, name: "segmentBytes" },
    { number: 6, name: "segmentMs" },
    { number: 7, name: "minCleanableDirtyMillionths" },
    { number: 8, name: "deleteRetentionMs" },
    { number: 9, name: "minCompactionLagMs" },
    { number: 10, name: "maxCompactionLagMs" },
  ];

/** As rows can spell them: half of what a packed number holds. */
const numberMax = 2 ** 51;

export function leaderSettings(settings: PartitionSettings): LeaderSettings {
  const whole: Record<string, string | number> = { ...settingsUntold };
  for (const { name } of spelling) {
    const value = settings[name];
    if (value !== undefined) whole[name] = typeof value === "number" ? Math.min(Math.trunc(value), numberMax) : value;
  }
  return whole as unknown as LeaderSettings;
}

export function compacts({ cleanupPolicy }: LeaderSettings): boolean {
  return cleanupPolicy === "compact" || cleanupPolicy === "compact,delete";
}

/** Records become a segment by their age: not where retention soon deletes them, nor where compaction writes them anew. */
export function waitsForSegment(settings: LeaderSettings): boolean {
  const { segmentMs, retentionMs } = settings;
  return (retentionMs < 0 || segmentMs * 2 <= retentionMs) && !compacts(settings);
}

/** No extent of them grows larger, as segments are made of whole ones; what compaction writes anew is not cut for it. */
export function extentLimit(settings: LeaderSettings): number {
  return compacts(settings) ? Infinity : settings.segmentBytes;
}

export function sameSettings(left: LeaderSettings, right: LeaderSettings): boolean {
  return spelling.every(({ name }) => left[name] === right[name]);
}

export function writeSettings(out: PackedWriter, settings: LeaderSettings): void {
  const told = spelling.filter(({ name }) => settings[name] !== settingsUntold[name]);
  out.uint(told.length);
  for (const { number, name, choices } of told) {
    out.uint(number);
    out.int(choices === undefined ? (settings[name] as number) : choices.indexOf(settings[name] as string));
  }
}

export function readSettings(reader: PackedReader): LeaderSettings {
  const settings: Record<string, string | number> = { ...settingsUntold };
  for (let left = reader.uint(); left > 0; left--) {
    const number = reader.uint();
    const value = reader.int();
    const known = spelling.find((candidate) => candidate.number === number);
    const spelt = known?.choices === undefined ? value : known.choices[value];
    if (known === undefined || spelt === undefined) {
      throw new OperatingError("corrupt", `a row tells of setting ${number} = ${value}, which this version does not know`);
    }
    settings[known.name] = spelt;
  }
  return settings as unknown as LeaderSettings;
}
