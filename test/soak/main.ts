/**
 * A soak: the real server for minutes under producers of several kinds, a reader at the tail and readers from the start, retention that
 * turns the data over many times, merging, segments and kill -9; then counts of what was sent, told and read, the runtime's memory as a
 * line, and the bucket beside what is kept. npm run soak [-- --minutes 10] [--seed N] [--keep folder]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Stage } from "../history/stage.ts";
import { Wire } from "../history/wire.ts";
import { Random } from "../sim/random.ts";
import { Accounts, faults } from "./accounts.ts";
import {
  type Soak,
  produceKeys,
  produceSteadily,
  produceTransactions,
  produceWithKafkaJs,
  produceWithPlatformatic,
} from "./producers.ts";
import { followTail, keptOffsets, lastOfKeys, readFromTheStart } from "./readers.ts";
import { createAll, settingsOf, sizedBytes, timesOf, topics } from "./topics.ts";
import { type Bucket, type Sample, bucketOf, counterOf, keptBytes, meanOf, residentBytes, slopeOf } from "./weights.ts";

const { values: options } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string" }, keep: { type: "string" } },
});
const minutes = Number(options.minutes);
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(options.seed);
if (!(minutes >= 0.5 && minutes <= 600) || !Number.isInteger(seed)) {
  console.error("usage: npm run soak [-- --minutes 10] [--seed N] [--keep folder]; from half a minute to ten hours");
  process.exit(2);
}
const times = timesOf(minutes);

/** Kills end here, so that the last life of the server is long enough to see its memory. */
const killsUntil = 0.4;
const killCount = Math.max(2, Math.round(minutes / 2));
/** The runtime's heap takes its size in the first part of its life. */
const settlesFor = 1 / 3;
/** What the line through the runtime's memory may rise by, over the time that it is drawn through: a part of the mean. */
const riseMax = 0.15;
/** In a shorter run all of the last life is its beginning. */
const linedRunMsMin = 300_000;
/** Of the runtime with all objects in it: two brokers with their budgets, leaders, mergers, and what the runtime needs itself. */
const residentBytesMax = 600e6;
/** Footers, and objects of which only a part is still needed: a part of what is kept, and a little of every kind. */
const overheadShare = 0.25;
const overheadBytes = 1024 * 1024;
// How often a minute is enough for depends on the machine: that it happens is what a short run shows.
const turnoversMin = minutes >= 5 ? 10 : 1;
const patienceMs = 60_000 + times.retentionMs * 2 + times.graceMs * 6;

interface Weights {
  readonly memory: { readonly life: number; readonly sample: Sample }[];
  segmentsSeen: number;
  bucketMax: number;
  keptMax: number;
  merges: number;
  /** Of the timed topic: offsets that were there at once. */
  readonly offsets: Sample[];
}

async function weigh(soak: Soak, folder: string, weights: Weights): Promise<void> {
  const { stage } = soak;
  for (let turn = 0; !stage.isOver; turn++) {
    const resident = residentBytes(folder);
    if (resident !== undefined) weights.memory.push({ life: stage.kills, sample: { atMs: performance.now(), value: resident } });
    if (turn % 5 === 0) {
      const { bytes, segments } = bucketOf(folder);
      weights.bucketMax = Math.max(weights.bucketMax, bytes);
      weights.segmentsSeen = Math.max(weights.segmentsSeen, segments);
      weights.keptMax = Math.max(weights.keptMax, (await keptBytes(httpUrlOf(stage))) ?? 0);
      weights.merges = Math.max(weights.merges, await counterOf(httpUrlOf(stage), "kante_merges_total"));
      const timed = (await keptOffsets(soak)).filter(({ place }) => place.startsWith("timed/"));
      weights.offsets.push({ atMs: performance.now(), value: timed.reduce((sum, { start, end }) => sum + end - start, 0) });
    }
    await sleep(1000);
  }
}

function httpUrlOf({ httpPort }: Stage): string {
  return `http://127.0.0.1:${httpPort}`;
}

async function disturb(stage: Stage): Promise<void> {
  for (let kill = 1; kill <= killCount; kill++) {
    await sleep((times.runMs * killsUntil) / killCount);
    await stage.kill();
  }
  await sleep(times.runMs * (1 - killsUntil));
}

interface Rest {
  readonly bucket: Bucket;
  readonly kept: number | undefined;
  readonly isBounded: boolean;
}

function isBounded(bucket: Bucket, kept: number | undefined): boolean {
  return kept !== undefined && bucket.bytes <= kept * (1 + overheadShare) + overheadBytes;
}

/** Nobody writes any more: retention takes what is left, and what nobody refers to goes. */
async function rest(stage: Stage, folder: string): Promise<Rest> {
  const untilMs = performance.now() + patienceMs;
  // What is kept by time must have gone, or there would be no telling whether anything ever goes.
  await sleep(times.retentionMs + times.retentionCheckMs * 2);
  for (;;) {
    const [bucket, kept] = [bucketOf(folder), await keptBytes(httpUrlOf(stage))];
    const isFine = isBounded(bucket, kept);
    if (isFine || performance.now() > untilMs) return { bucket, kept, isBounded: isFine };
    await sleep(1000);
  }
}

const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

interface Verdict {
  readonly what: string;
  readonly isFine: boolean;
  readonly words: string;
}

function memoryVerdict(memory: Weights["memory"], lives: number): Verdict {
  const what = "the runtime's memory is a flat line";
  const last = memory.filter(({ life }) => life === lives).map(({ sample }) => sample);
  const samples = last.slice(Math.floor(last.length * settlesFor));
  if (samples.length === 0) return { what, isFine: process.platform !== "linux", words: "this system does not tell it" };
  const isLong = times.runMs >= linedRunMsMin;
  const ranMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  const rise = slopeOf(samples) * ranMs;
  const mean = meanOf(samples);
  const max = Math.max(...memory.map(({ sample }) => sample.value));
  const seconds = (ranMs / 1000).toFixed(0);
  const words = `${mega(mean)} in the mean, ${mega(max)} at most; rises by ${mega(rise)} in ${seconds} s${isLong ? "" : ", too short to judge"}`;
  return { what, isFine: max <= residentBytesMax && (!isLong || rise <= mean * riseMax), words };
}

async function run(folder: string): Promise<Verdict[]> {
  const stage = await Stage.set(folder, new Random(seed), settingsOf(times));
  const soak: Soak = { stage, accounts: new Accounts(), keys: new Map(), isAllTold: false };
  const { accounts, keys } = soak;
  const weights: Weights = { memory: [], segmentsSeen: 0, bucketMax: 0, keptMax: 0, merges: 0, offsets: [] };
  try {
    const wire = new Wire(stage, "creates");
    await createAll(wire, times);
    wire.close();
    const producers: Promise<void>[] = [
      produceSteadily(soak, "none", "timed"),
      produceSteadily(soak, "snappy", "timed"),
      produceSteadily(soak, "lz4", "timed"),
      produceSteadily(soak, "gzip", "sized"),
      produceTransactions(soak),
      produceKeys(soak),
      produceWithKafkaJs(soak),
      produceWithPlatformatic(soak),
    ];
    const follower = followTail(soak, times);
    const readers = [
      readFromTheStart(soak, "start-timed", ["timed"], false),
      readFromTheStart(soak, "start-others", ["sized", "keyed", "ledger"], false),
      readFromTheStart(soak, "start-committed", ["ledger"], true),
    ];
    const scales = weigh(soak, folder, weights);
    const all = Promise.all([...producers, ...readers, follower, scales]);
    all.catch(() => {});
    void Promise.all(producers).then(() => (soak.isAllTold = true));
    await Promise.race([disturb(stage), all]);
    stage.isOver = true;
    const late = sleep(patienceMs, "late" as const, { ref: false });
    const ended = await Promise.race([all.then(() => "ended" as const), late]);
    accounts.settle();
    const passes = ended === "late" ? 0 : (await Promise.all(readers)).reduce((sum, count) => sum + count, 0);
    const bounds = await keptOffsets(soak);
    const found = await lastOfKeys(soak);
    const wrongKeys = [...keys].filter(([key, { id, isSure }]) => isSure && found.get(key) !== id);
    const { bucket, kept, isBounded: isFine } = await rest(stage, folder);
    const written = bounds.reduce((sum, { place, end }) => sum + (place.startsWith("timed/") ? end : 0), 0);
    const turnovers = written / meanOf(weights.offsets);
    const { sent, acknowledged, aborted, read, skipped } = accounts;
    console.log(
      `${sent} sent, ${acknowledged} acknowledged, ${aborted} aborted, ${read} read (${passes} times from the start), ${skipped} passed over by the tail's reader as retention was quicker`,
    );
    console.log(faults.map((fault) => `${accounts.faults[fault]} ${fault}`).join(", "));
    for (const words of accounts.words) console.log(`  ${words}`);
    return [
      { what: "everything comes to its end", isFine: ended === "ended", words: `within ${patienceMs / 1000} s` },
      ...faults.map((fault) => ({ what: `no values ${fault}`, isFine: accounts.faults[fault] === 0, words: "" })),
      {
        what: "the last value of every key is found",
        isFine: wrongKeys.length === 0 && found.size > 0,
        words: `${found.size} keys, ${wrongKeys.length} wrong`,
      },
      {
        what: "the server was killed, merged, and wrote segments where there was time for any",
        isFine: stage.kills >= 2 && weights.merges > 0 && (weights.segmentsSeen > 0 || minutes < 5),
        words: `${stage.kills} kills, ${weights.merges} merges in a life, ${weights.segmentsSeen} segments at once`,
      },
      {
        what: "the tail's reader kept up",
        isFine: skipped <= acknowledged / 5,
        words: `${((skipped / Math.max(1, acknowledged)) * 100).toFixed(1)} % passed over`,
      },
      {
        what: `retention turned the data over ${turnoversMin} times`,
        isFine: turnovers >= turnoversMin,
        words: `${turnovers.toFixed(1)} times: ${Math.round(meanOf(weights.offsets))} records at a time, ${written} in all`,
      },
      memoryVerdict(weights.memory, stage.kills),
      {
        what: "the bucket is no larger than what is kept and the overhead",
        isFine,
        words: `${mega(bucket.bytes)} in ${bucket.objects} objects; kept ${mega(kept ?? NaN)}; at most ${mega(weights.bucketMax)} beside ${mega(weights.keptMax)} before`,
      },
      {
        what: "what is kept by size is within its limit",
        isFine: kept !== undefined && kept > sizedBytes / 2 && kept <= (sizedBytes * topics.sized + keyedBytesMax()) * 1.5,
        words: mega(kept ?? NaN),
      },
    ];
  } finally {
    await stage.stop();
  }
}

/** As long as nothing is compacted the keyed topic only grows. */
function keyedBytesMax(): number {
  return (times.runMs / 250) * 20 * 1100;
}

const folder = options.keep ?? mkdtempSync(join(tmpdir(), "kante-soak-"));
mkdirSync(folder, { recursive: true });
console.log(`${minutes} minutes, seed ${seed}, retention ${(times.retentionMs / 1000).toFixed(1)} s, ${killCount} kills`);
const verdicts = await run(folder);
if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
for (const { what, isFine, words } of verdicts)
  console.log(`${isFine ? "ok" : "not ok"} - ${what}${words === "" ? "" : ` (${words})`}`);
const failed = verdicts.filter((verdict) => !verdict.isFine).length;
console.log(`${verdicts.length - failed} passed, ${failed} failed`);
// Stock clients may leave timers behind.
process.exit(failed === 0 ? 0 : 1);
