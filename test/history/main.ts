/**
 * Runs clients of several kinds against the real server while it is killed and their connections are cut, and judges what they saw:
 * node test/history/main.ts [--seconds 20] [--seed N] [--keep file] | --judge file
 * A history that breaks a rule is kept, and can be judged again by itself. The seed decides what clients and faults choose, not when
 * the machine gets round to it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "../sim/random.ts";
import { type History, fromLines, toLines } from "./happening.ts";
import { judge } from "./judge.ts";
import { consumeWithOwnClient, produceWithOwnClient } from "./own-client.ts";
import { produceIdempotent, producePlain } from "./plain-producers.ts";
import { groupOffset, processSome } from "./processing-loop.ts";
import { readAlong, readToTheEnd } from "./readers.ts";
import { Stage } from "./stage.ts";
import { consumeWithKafkaJs, produceWithKafkaJs, produceWithPlatformatic } from "./stock-clients.ts";
import { type Place, createAll, nameOf, placesOf } from "./topics.ts";
import { type TransactionVersion, runInstances, transact } from "./transactional-producers.ts";
import { Wire } from "./wire.ts";

const usage = "usage: node test/history/main.ts [--seconds 20] [--seed N] [--keep file] | --judge file";
const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    seed: { type: "string" },
    keep: { type: "string" },
    judge: { type: "string" },
  },
});
/**
 * kafkajs keeps the beginning of an answer when its connection is cut, takes what comes by the next one for the rest, and throws where
 * nobody can catch it. Its request is repeated after its time-out.
 */
process.on("uncaughtException", (error: Error) => {
  const isKafkaJs = /kafkajs[\\/]src[\\/]network[\\/]connection/.test(error.stack ?? "");
  if (!isKafkaJs) {
    console.error(error);
    process.exit(1);
  }
  console.warn(`kafkajs: ${error.message}`);
});

const seconds = Number(options.seconds);
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(options.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error(usage);
  process.exit(2);
}

/** After the last fault every client must come to its end within this time. */
const calmMs = 60_000;
/** A kill about so often, cuts in between. */
const killEverySeconds = 7;

function clientsOf(stage: Stage): Readonly<Record<string, Promise<void>>> {
  const { random } = stage;
  const either = (): TransactionVersion => (random.chance(0.5) ? 1 : 2);
  const [one, two] = placesOf("source");
  const transactions = (id: string, version: () => TransactionVersion): Promise<void> =>
    runInstances(stage, id, version, (instance) => transact(stage, instance));
  const loop = (id: string, version: () => TransactionVersion, source: Place): Promise<void> =>
    runInstances(stage, id, version, (instance) => processSome(stage, instance, "loop", source));
  return {
    plain: producePlain(stage, "plain"),
    "source 0": produceIdempotent(stage, "source-0", one!),
    "source 1": produceIdempotent(stage, "source-1", two!),
    "transactions of version 1": transactions("tx-one", () => 1),
    "transactions of version 2": transactions("tx-two", () => 2),
    "transactions of both": transactions("tx-both", either),
    "loop 0": loop("loop-0", () => 2, one!),
    "loop 1": loop("loop-1", () => 1, two!),
    "kafkajs, transactions": produceWithKafkaJs(stage, "kafkajs"),
    "kafkajs, member": consumeWithKafkaJs(stage, "kafkajs"),
    platformatic: produceWithPlatformatic(stage, "platformatic"),
    "own client, transactions": produceWithOwnClient(stage, "own"),
    "own client, member": consumeWithOwnClient(stage, "own-member"),
    read_committed: readAlong(stage, "committed", "read_committed"),
    read_uncommitted: readAlong(stage, "uncommitted", "read_uncommitted"),
  };
}

/** Kills at even distances, so that a short run has some; cuts in between whenever it pleases. */
async function disturb(stage: Stage): Promise<void> {
  const kills = Math.max(2, Math.floor(seconds / killEverySeconds));
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  for (let kill = 1; kill <= kills; kill++) {
    const due = (seconds * kill) / (kills + 1);
    while (elapsed() < due) {
      await sleep(Math.min(stage.random.between(500, 3000), Math.max(0, due - elapsed()) * 1000 + 1));
      if (elapsed() < due) stage.cut();
    }
    await stage.kill();
  }
  while (elapsed() < seconds) await sleep(100);
}

async function ended(stage: Stage, clients: Readonly<Record<string, Promise<void>>>): Promise<void> {
  const patience = sleep(calmMs, "late" as const, { ref: false });
  await Promise.all(
    Object.entries(clients).map(async ([name, client]) => {
      const what = await Promise.race([
        client.then(() => undefined, String),
        patience.then(() => `not at its end after ${calmMs} ms`),
      ]);
      if (what !== undefined) stage.record({ kind: "stuck", what: `${name}: ${what}` });
    }),
  );
}

async function lookAtTheEnd(stage: Stage): Promise<void> {
  const wire = new Wire(stage, "looks");
  for (const place of placesOf("source")) {
    const offset = await groupOffset(wire, "loop", place);
    stage.record({ kind: "group-stands", group: "loop", partition: nameOf(place), offset });
  }
  wire.close();
  await Promise.all([readToTheEnd(stage, "read_uncommitted"), readToTheEnd(stage, "read_committed")]);
}

async function observe(): Promise<History> {
  const data = mkdtempSync(join(tmpdir(), "kante-history-"));
  const stage = await Stage.set(data, new Random(seed));
  try {
    const wire = new Wire(stage, "creates");
    await createAll(wire);
    wire.close();
    const clients = clientsOf(stage);
    // One that breaks early is heard of in the end.
    for (const client of Object.values(clients)) client.catch(() => {});
    await disturb(stage);
    // On a busy machine some clients come late to anything: the others go on with them.
    for (let waited = 0; hasHappened(stage.history).length > 0 && waited < calmMs; waited += 500) await sleep(500);
    stage.isOver = true;
    await ended(stage, clients);
    await ended(stage, { "the last look": lookAtTheEnd(stage) });
    return stage.history;
  } finally {
    await stage.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

function summary(history: History): string {
  const count = (is: (happening: History[number]) => boolean): number => history.filter(is).length;
  const ends = (commit: boolean): number => count((one) => one.kind === "ended" && one.commit === commit);
  const kills = count((one) => one.kind === "fault" && one.what === "killed");
  const cuts = count((one) => one.kind === "fault" && one.what.includes("cut"));
  const acknowledged = count((one) => one.kind === "acknowledged");
  const read = count((one) => one.kind === "read" || one.kind === "delivered");
  return `${kills} kills, ${cuts} cuts, ${acknowledged} records acknowledged, ${ends(true)} transactions committed, ${ends(false)} aborted, ${read} records read`;
}

/** A run in which nothing happened would break no rule. */
function hasHappened(history: History): readonly string[] {
  const streams = new Set(history.flatMap((one) => (one.kind === "acknowledged" ? [one.value.split(/[.(]/)[0]!] : [])));
  const wanted = ["plain", "source-0", "source-1", "tx-one", "tx-two", "tx-both", "loop", "kafkajs", "platformatic", "own"];
  const readers = new Set(history.flatMap((one) => (one.kind === "read" || one.kind === "delivered" ? [one.reader] : [])));
  return [
    ...wanted.filter((name) => !streams.has(name)).map((name) => `nothing of ${name} was acknowledged`),
    ...["committed", "uncommitted", "kafkajs", "own-member"]
      .filter((name) => !readers.has(name))
      .map((name) => `${name} has read nothing`),
  ];
}

const history = options.judge === undefined ? await observe() : fromLines(readFileSync(options.judge, "utf8"));
const verdicts = new Map([...judge(history), ["something-happened", hasHappened(history)] as const]);
for (const [name, wrong] of verdicts) {
  console.log(`${wrong.length === 0 ? "ok" : "not ok"} - ${name}`);
  for (const what of wrong.slice(0, 10)) console.log(`  ${what}`);
}
const failed = [...verdicts.values()].filter((wrong) => wrong.length > 0).length;
if (options.judge === undefined && (failed > 0 || options.keep !== undefined)) {
  const file = options.keep ?? join(mkdtempSync(join(tmpdir(), "kante-history-")), `seed-${seed}.jsonl`);
  writeFileSync(file, toLines(history));
  console.log(`the history is in ${file}; again: node test/history/main.ts --judge ${file}`);
}
console.log(`${options.judge ?? `seed ${seed}`}: ${summary(history)}`);
console.log(`${verdicts.size - failed} passed, ${failed} failed`);
// Stock clients may leave timers behind.
process.exit(failed === 0 ? 0 : 1);
