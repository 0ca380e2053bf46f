/**
 * Sends the same requests to Apache Kafka and to Kante and compares what comes back, every version that both serve. A case is one
 * scenario in one version; it fails on a difference that deviations.ts does not account for.
 * node test/differential/main.ts [--only <text in the case's name>] [--verbose] [--kafka host:port --kante host:port]
 *   [--seed <first> --runs <count>]   of the transactions at random
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { missingJava, startApacheKafka } from "../clients/apache-kafka.ts";
import { freePorts, startKante } from "../clients/kante.ts";
import { deviations } from "./deviations.ts";
import { type Difference, absent, differencesOf } from "./differences.ts";
import { commonVersions, settled } from "./readiness.ts";
import { randomTransactionScenarios } from "./scenarios/random-transactions.ts";
import { scenarios } from "./scenarios.ts";
import { type Scenario, Script, type Step, type VersionTable } from "./script.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
    kafka: { type: "string" },
    kante: { type: "string" },
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "12" },
  },
});

/** Brokers that were running before may have been asked the same already. */
const runName = options.kafka === undefined ? "" : `r${Date.now() % 1_000_000}`;

/** Of a case in which Apache Kafka itself answers differently each time. */
const repeats = 2;

let passed = 0;
let failed = 0;

function pass(name: string): void {
  passed += 1;
  if (options.verbose) console.log(`ok - ${name}`);
}

function fail(name: string, details: readonly string[]): void {
  failed += 1;
  console.log(`not ok - ${name}`);
  for (const line of details) console.log(`    ${line}`);
}

const patterns = deviations.flatMap(({ where }) => where.map((text) => ({ text, pattern: globOf(text), used: false })));

function globOf(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

function isAccountedFor(where: string): boolean {
  const matching = patterns.filter(({ pattern }) => pattern.test(where));
  for (const pattern of matching) pattern.used = true;
  return matching.length > 0;
}

function shown(value: unknown): string {
  return value === absent ? absent : JSON.stringify(value);
}

interface Ports {
  readonly kafka: number;
  readonly kante: number;
}

async function transcript(
  port: number,
  prefix: string,
  common: VersionTable,
  { api, run }: Scenario,
  version: number,
): Promise<Step[]> {
  const script = new Script(port, prefix, common, api, version);
  try {
    await run(script, version);
  } catch (error) {
    script.record("the scenario", `broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  script.close();
  return script.steps;
}

function compared(kafka: readonly Step[], kante: readonly Step[]): (Difference & { readonly label: string })[] {
  return Array.from({ length: Math.max(kafka.length, kante.length) }, (_, index) => {
    const [theirs, ours] = [kafka[index], kante[index]];
    const label = theirs?.label ?? ours?.label ?? "";
    const both = theirs?.label === ours?.label ? [theirs?.answer, ours?.answer] : [theirs ?? absent, ours ?? absent];
    return differencesOf(...(both as [unknown, unknown])).map((difference) => ({ ...difference, label }));
  }).flat();
}

interface Case {
  readonly scenario: Scenario;
  readonly version: number;
  readonly index: number;
}

function casesOf(scenario: Scenario, index: number, common: VersionTable): Case[] {
  const served = common.get(scenario.api.key);
  if (served === undefined) {
    fail(`${scenario.api.name}: ${scenario.title}`, ["not served by both"]);
    return [];
  }
  const from = Math.max(served[0], scenario.versions[0], scenario.api.versions[0]);
  const to = Math.min(served[1], scenario.versions[1]);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, above) => ({ scenario, version: from + above, index }));
}

/** What both answered, and where they differ by more than is accounted for. */
interface Comparison {
  readonly kafka: readonly Step[];
  readonly differences: readonly (Difference & { readonly label: string })[];
}

async function comparison(
  ports: Ports,
  common: VersionTable,
  { scenario, version, index }: Case,
  attempt: number,
): Promise<Comparison> {
  const first = `d${index}v${version}${runName}`;
  const prefix = attempt === 0 ? first : `${first}again${attempt}`;
  const [kafka, kante] = await Promise.all(
    [ports.kafka, ports.kante].map(async (port) => {
      const steps = await transcript(port, prefix, common, scenario, version);
      // Under the names of the first time, so that both times can be compared.
      return JSON.parse(JSON.stringify(steps).replaceAll(`${prefix}-`, `${first}-`)) as Step[];
    }),
  );
  const differences = compared(kafka!, kante!).filter(
    ({ label, path }) => !isAccountedFor(`${scenario.api.name}: ${scenario.title} / ${label} / ${path}`),
  );
  return { kafka: kafka!, differences };
}

/** Kafka said something else there when it was asked again: its broker hears late of what its controller decided, later on a busy machine. */
function isUndecided({ kafka, differences }: Comparison, again: Comparison): boolean {
  const changed = new Set(compared(kafka, again.kafka).map(({ label, path }) => `${label} / ${path}`));
  return differences.every(({ label, path }) => changed.has(`${label} / ${path}`));
}

async function runCase(ports: Ports, common: VersionTable, of: Case): Promise<void> {
  const { api, title } = of.scenario;
  const name = `${api.name} ${of.version}: ${title}`;
  if (!options.only.split("|").some((part) => name.includes(part))) return;
  const beganMs = performance.now();
  let found = await comparison(ports, common, of, 0);
  for (let attempt = 1; found.differences.length > 0 && attempt <= repeats; attempt++) {
    const again = await comparison(ports, common, of, attempt);
    if (!isUndecided(found, again)) break;
    console.log(`# ${name}: Apache Kafka does not answer the same twice`);
    found = again;
  }
  const tookMs = performance.now() - beganMs;
  if (options.verbose && tookMs > 1000) console.log(`# ${name} took ${Math.round(tookMs)} ms`);
  if (found.kafka.some(({ label }) => label === "the scenario"))
    fail(
      name,
      found.kafka.slice(-1).map(({ answer }) => `Apache Kafka: ${String(answer)}`),
    );
  else if (found.differences.length === 0) pass(name);
  else
    fail(
      name,
      found.differences.map(({ label, path, kafka, kante }) => `${label} / ${path}: Kafka ${shown(kafka)}, Kante ${shown(kante)}`),
    );
}

async function runAll(ports: Ports): Promise<void> {
  const common = await commonVersions(ports.kafka, ports.kante);
  await settled(ports.kafka);
  const random = randomTransactionScenarios(Number(options.seed), Number(options.runs));
  const cases = [...scenarios, ...random].flatMap((scenario, index) => casesOf(scenario, index, common));
  // Cases share nothing but the brokers, and mostly wait.
  const lanes = Array.from({ length: 4 }, async () => {
    for (let next = cases.shift(); next !== undefined; next = cases.shift()) await runCase(ports, common, next);
  });
  await Promise.all(lanes);
  if (options.only !== "") return;
  for (const { text, used } of patterns) {
    if (used) pass(`deviation: ${text}`);
    else fail(`deviation: ${text}`, ["nothing differs there any more"]);
  }
}

function portOf(bootstrap: string): number {
  return Number(bootstrap.split(":")[1]);
}

const reason = options.kafka === undefined ? missingJava() : undefined;
if (reason !== undefined) {
  console.log(`skipped - differential suite: ${reason}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "kante-differential-"));
  try {
    const running = await Promise.all([
      options.kafka === undefined ? startKafka(join(folder, "kafka")) : undefined,
      options.kante === undefined
        ? startKante({ data: join(folder, "kante"), args: ["--set", "group.initial.rebalance.delay.ms=0"] })
        : undefined,
    ]);
    try {
      await runAll({
        kafka: portOf(options.kafka ?? running[0]!.bootstrap),
        kante: portOf(options.kante ?? running[1]!.bootstrap),
      });
    } finally {
      for (const broker of running) await broker?.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`differential: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** With Kante's node id, and internal topics no larger than a test needs. It is asked so much nonsense that its log says nothing. */
async function startKafka(folder: string) {
  const port = await freePorts(2);
  const config = [
    "node.id=0",
    `controller.quorum.voters=0@127.0.0.1:${port + 1}`,
    "offsets.topic.num.partitions=1",
    "transaction.state.log.num.partitions=1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=100",
  ];
  return startApacheKafka(folder, port, config, "off");
}
