/**
 * The tables of docs/COMPATIBILITY.md, made from what is registered and defined: an API or a topic config cannot be promised there and
 * missing here; and the deviations that the differential suite knows. Compares the page with them and exits 1 where they differ; `--write` puts them into the page.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { topicConfigs } from "../core/cluster/topic-configs.ts";
import { effectiveSettings, partitionSettings } from "../core/cluster/topic-settings.ts";
import { settingDefaults } from "../core/settings.ts";
import { deviations } from "../test/differential/deviations.ts";
import { handlers } from "../worker/handlers.ts";
import { kafkaApis } from "./kafka-apis.ts";

const page = join(import.meta.dirname, "../docs/COMPATIBILITY.md");

function range(min: number, max: number): string {
  return min === max ? String(min) : `${min}–${max}`;
}

function apiTable(): string[] {
  const unknown = [...handlers.keys()].filter((key) => !kafkaApis.some(([known]) => known === key));
  if (unknown.length > 0) throw new Error(`scripts/kafka-apis.ts lacks the served APIs ${unknown.join(", ")}`);
  const rows = kafkaApis.map(([key, name, min, max, note = ""]) => {
    const versions = handlers.get(key)?.versions;
    const served = versions === undefined ? "no" : range(...versions);
    return `| ${key} | ${name} | ${served} | ${range(min, max)} | ${note} |`;
  });
  return ["| key | API | served | Kafka 4.2 | notes |", "|---|---|---|---|---|", ...rows];
}

/** What produces are checked by, found out by looking at what is asked for. */
function configsActedOn(): ReadonlySet<string> {
  const asked = new Set<string>();
  const configs = new Proxy<Record<string, string>>({}, { get: (_, name) => void asked.add(String(name)) });
  effectiveSettings(configs, {}, settingDefaults);
  partitionSettings(configs, {});
  return asked;
}

/** What is acted on, but not in every way that Kafka does. */
const partly: Readonly<Record<string, string>> = {
  "retention.bytes": "acted on: whole extents go while at least this much stays",
  "retention.ms": "acted on: whole extents go when their latest record is older",
  "remote.storage.enable": "`true` is refused, as on a Kafka broker without tiers",
};

function effectOf(name: string, doc: string, actedOn: ReadonlySet<string>): string {
  const reason = /without effect, because (?<reason>.*)\.$/.exec(doc)?.groups?.["reason"];
  return partly[name] ?? (actedOn.has(name) ? "acted on" : reason === undefined ? "kept, not acted on yet" : `kept: ${reason}`);
}

function configTable(): string[] {
  const actedOn = configsActedOn();
  const rows = Array.from(
    topicConfigs.values(),
    ({ name, default: standard, doc }) =>
      `| \`${name}\` | ${standard === "" ? "" : `\`${standard}\``} | ${effectOf(name, doc, actedOn)} |`,
  );
  return ["| config | default | effect |", "|---|---|---|", ...rows];
}

/** What the comparison with Apache Kafka takes as it is. */
function deviationTable(): string[] {
  return ["| what | why |", "|---|---|", ...deviations.map(({ what, why }) => `| ${what} | ${why} |`)];
}

/** Lays each table between its two marks. */
function renewed(text: string, tables: Readonly<Record<string, readonly string[]>>): string {
  let result = text;
  for (const [name, lines] of Object.entries(tables)) {
    const [begin, end] = [`<!-- ${name}: made by scripts/compatibility.ts -->\n`, `<!-- end of ${name} -->`];
    const from = result.indexOf(begin);
    const to = result.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/COMPATIBILITY.md has no place for the ${name}`);
    result = `${result.slice(0, from + begin.length)}\n${lines.join("\n")}\n\n${result.slice(to)}`;
  }
  return result;
}

const text = readFileSync(page, "utf8");
const expected = renewed(text, {
  APIs: apiTable(),
  "topic configs": configTable(),
  "deviations in single answers": deviationTable(),
});
if (process.argv.includes("--write")) writeFileSync(page, expected);
else if (text !== expected) {
  console.error("docs/COMPATIBILITY.md is out of date: node scripts/compatibility.ts --write");
  process.exitCode = 1;
}
