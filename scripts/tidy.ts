/**
 * The house rules that no linter knows: which room may import which, where WebAssembly may be named, how files are called and
 * opened, and that every rule of docs/SPEC.md is quoted by a test title. Prints each offence with its place; exits 1 on any.
 */
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { execFileSync } from "node:child_process";

const root = join(import.meta.dirname, "..");
const offences: string[] = [];
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((path) => path !== "");
const sources = tracked.filter((path) => /\.(tsx?|js)$/.test(path) && !path.endsWith(".d.ts"));
const textOf = new Map<string, string>();
for (const path of sources) {
  try {
    textOf.set(path, readFileSync(join(root, path), "utf8"));
  } catch {
    // Deleted in the working tree, not yet in the index.
  }
}

/** A room may import itself and the rooms named here. Rooms that are not named (tests, benches, scripts) may import anything. */
const mayImport: Record<string, readonly string[]> = {
  assembly: [],
  kernel: [],
  protocol: ["kernel"],
  core: ["kernel", "protocol"],
  storage: ["kernel", "protocol", "core"],
  "durable-objects": ["kernel", "protocol", "core", "storage"],
  worker: ["kernel", "protocol", "core", "storage", "durable-objects"],
  client: ["kernel", "protocol"],
  bridge: ["kernel", "protocol"],
  console: ["kernel", "protocol", "client"],
};

const importPattern = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

function checkImports(path: string, text: string): void {
  const room = path.split("/")[0] ?? "";
  const allowed = mayImport[room];
  for (const match of text.matchAll(importPattern)) {
    const specifier = match[1] ?? match[2] ?? "";
    if (!specifier.startsWith(".")) continue;
    const target = normalize(join(dirname(path), specifier));
    const targetRoom = target.split("/")[0] ?? "";
    if (allowed !== undefined && targetRoom !== room && targetRoom !== "dist" && !allowed.includes(targetRoom)) {
      offences.push(`${path}: ${room}/ may not import ${targetRoom}/ (${specifier})`);
    }
    // It shall need nothing that a program of somebody else's could not have.
    if (room === "console" && targetRoom === "client" && target !== "client/client.ts")
      offences.push(`${path}: console/ knows the client library by client/client.ts alone (${specifier})`);
    // AssemblyScript's compiler adds the ending itself, and refuses one that is there.
    if (room !== "assembly" && !/\.(tsx?|js|json|wasm|css)$/.test(specifier))
      offences.push(`${path}: import path without its ending: ${specifier}`);
  }
}

const linesMax = 500;

function checkShape(path: string, text: string): void {
  const name = path.split("/").at(-1) ?? "";
  if (!/^\.?[a-z0-9]+([-.][a-z0-9]+)*\.(tsx?|js)$/.test(name)) offences.push(`${path}: file names are kebab-case`);
  if (name === "index.ts" && !path.startsWith("assembly/")) offences.push(`${path}: no barrels`);
  if (!/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text) && !path.endsWith(".config.ts"))
    offences.push(`${path}: open the file with two or three sentences about what it decides`);
  const lines = text.split("\n").length;
  if (lines > linesMax) offences.push(`${path}: ${lines} lines; look for the second idea in it (at most ${linesMax})`);
  if (/\b(?:TODO|FIXME|XXX|HACK)\b/.test(text) && path !== "scripts/tidy.ts")
    offences.push(`${path}: no reminders on main; file them`);
  if (/\bWebAssembly\b/.test(text) && !/^(kernel|assembly|scripts|bench|test)\//.test(path))
    offences.push(`${path}: only kernel/ knows WebAssembly`);
}

function checkSpec(): void {
  const spec = readFileSync(join(root, "docs/SPEC.md"), "utf8");
  const rules = [...spec.matchAll(/^\| (?<rule>[A-Z]+\d+) \|/gm)].map((match) => match.groups?.["rule"] ?? "");
  const titles = [...textOf].filter(([path]) => path.startsWith("test/")).map(([, text]) => text);
  for (const rule of rules) {
    if (!titles.some((text) => text.includes(`[${rule}]`))) offences.push(`docs/SPEC.md: no test title quotes [${rule}]`);
  }
  const known = new Set(rules);
  for (const [path, text] of textOf) {
    if (!path.startsWith("test/")) continue;
    for (const match of text.matchAll(/\[(?<rule>[A-Z]\d+)\]/g)) {
      const rule = match.groups?.["rule"] ?? "";
      if (/^[A-Z]\d+$/.test(rule) && !known.has(rule)) offences.push(`${path}: quotes [${rule}], which docs/SPEC.md does not have`);
    }
  }
}

for (const [path, text] of textOf) {
  checkImports(path, text);
  checkShape(path, text);
}
checkSpec();
for (const offence of offences) console.error(offence);
console.log(`tidy: ${textOf.size} files, ${offences.length} offences (${relative(process.cwd(), root) || "."})`);
process.exitCode = offences.length === 0 ? 0 : 1;
