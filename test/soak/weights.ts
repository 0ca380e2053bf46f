/** What a run weighs: the runtime's memory, with the line through it, and the bucket beside what the cells say they keep. */
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** The straight line that is nearest to the samples: its slope per millisecond. */
export function slopeOf(samples: readonly Sample[]): number {
  const count = samples.length;
  const meanAt = samples.reduce((sum, { atMs }) => sum + atMs, 0) / count;
  const mean = meanOf(samples);
  let above = 0;
  let below = 0;
  for (const { atMs, value } of samples) {
    above += (atMs - meanAt) * (value - mean);
    below += (atMs - meanAt) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

export function meanOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { value }) => sum + value, 0) / samples.length;
}

/** Resident bytes of the runtime that serves the folder; undefined while there is none, or where the system does not say. */
export function residentBytes(folder: string): number | undefined {
  try {
    const { runtime } = JSON.parse(readFileSync(join(folder, "lock"), "utf8")) as { runtime?: { pid: number } };
    const kilobytes = /^VmRSS:\s+(?<kilobytes>\d+)/m.exec(readFileSync(`/proc/${runtime?.pid}/status`, "utf8"))?.groups?.[
      "kilobytes"
    ];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

export interface Bucket {
  readonly bytes: number;
  readonly objects: number;
  readonly segments: number;
}

export function bucketOf(folder: string): Bucket {
  const names = globSync("objects/**", { cwd: folder });
  let [bytes, objects, segments] = [0, 0, 0];
  for (const name of names) {
    const file = statSync(join(folder, name), { throwIfNoEntry: false });
    if (file?.isFile() !== true) continue;
    bytes += file.size;
    objects += 1;
    if (name.endsWith(".log")) segments += 1;
  }
  return { bytes, objects, segments };
}

/** As the cells say; undefined while the server is away. */
export async function keptBytes(httpUrl: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${httpUrl}/c/default/cost`, { signal: AbortSignal.timeout(10_000) });
    const { topics } = (await response.json()) as { topics: readonly { readonly storedBytes: number }[] };
    return topics.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  } catch {
    return undefined;
  }
}

/** A counter of the server's since it began. */
export async function counterOf(httpUrl: string, name: string): Promise<number> {
  const text = await fetch(`${httpUrl}/metrics`, { signal: AbortSignal.timeout(10_000) }).then(
    (response) => response.text(),
    () => "",
  );
  return Number(new RegExp(`^${name} (?<count>\\S+)$`, "m").exec(text)?.groups?.["count"] ?? 0);
}
