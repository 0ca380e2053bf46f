/**
 * Stock clients of every language against a running server: Kante over TCP, Kante through the WebSocket bridge, or any address
 * (Apache Kafka itself proves the suites). What a suite needs is installed into .tools/; what cannot be had is named and skipped.
 * node test/clients/main.ts [--target host:port | --apache-kafka]
 *   [--only kcat,java,tools,members,rolling,transactions,streams,connect,python,go,segments] [--bridge]
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { javaBefore, javaClasspath, missingJava, startApacheKafka } from "./apache-kafka.ts";
import { runConnect } from "./connect.ts";
import { freePort, startBridge, startKante } from "./kante.ts";
import { kcatMissing, runKcat } from "./kcat.ts";
import { runSegments } from "./segments.ts";
import { runStreams } from "./streams.ts";

const root = join(import.meta.dirname, "../..");
const tools = join(root, ".tools");
const classesBefore = join(javaBefore.folder, "classes");
const javaClasses = join(tools, "java/classes");
const { values: options } = parseArgs({
  options: {
    target: { type: "string" },
    "apache-kafka": { type: "boolean", default: false },
    only: { type: "string", default: "kcat,java,tools,members,rolling,transactions,streams,connect,python,go,segments" },
    bridge: { type: "boolean", default: false },
  },
});

let passed = 0;
let failed = 0;
let skipped = 0;

function print(line: string): void {
  if (line.startsWith("ok - ")) passed += 1;
  else if (line.startsWith("not ok - ")) failed += 1;
  else return;
  console.log(line);
}

let isJavaCompiled = false;

function missingJavaSuites(): string | undefined {
  const missing = missingJava();
  if (missing !== undefined || isJavaCompiled) return missing;
  const sources = globSync(join(root, "test/clients/java/*.java"));
  const compiled = spawnSync("javac", ["-d", javaClasses, "-cp", javaClasspath, ...sources], { encoding: "utf8" });
  if (compiled.error !== undefined) return "no javac on this machine";
  if (compiled.status !== 0) throw new Error(`javac could not compile: ${compiled.stderr}`);
  isJavaCompiled = true;
  return undefined;
}

/** The transactions' cases once more, for clients of before. */
function missingJavaBefore(): string | undefined {
  const missing = missingJavaSuites() ?? missingJava(javaBefore);
  if (missing !== undefined) return missing;
  const sources = ["Cases.java", "Transactions.java"].map((name) => join(root, "test/clients/java", name));
  const classpath = join(javaBefore.folder, "lib/*");
  const compiled = spawnSync("javac", ["-nowarn", "-d", classesBefore, "-cp", classpath, ...sources], { encoding: "utf8" });
  return compiled.status === 0 ? undefined : `javac could not compile for clients of before: ${compiled.stderr.slice(-300)}`;
}

function missingPython(): string | undefined {
  const requirements = join(root, "test/clients/python/requirements.txt");
  if (spawnSync("python3", ["--version"]).status !== 0) return "no python3 on this machine";
  if (!existsSync(join(tools, "python/bin/pip"))) spawnSync("python3", ["-m", "venv", join(tools, "python")]);
  const installed = spawnSync(join(tools, "python/bin/pip"), ["install", "-q", "-r", requirements], { encoding: "utf8" });
  return installed.status === 0 ? undefined : `pip could not install: ${installed.stderr.slice(-300)}`;
}

function missingGo(): string | undefined {
  if (spawnSync("go", ["version"]).status !== 0) return "no go on this machine";
  const built = spawnSync("go", ["build", "-o", join(tools, "go-suite"), "."], {
    cwd: join(root, "test/clients/go"),
    encoding: "utf8",
  });
  return built.status === 0 ? undefined : `go could not build: ${built.stderr.slice(-300)}`;
}

/** Runs a program that prints one line a case; one that ends without its last line has failed, whatever it printed before. */
async function runProgram(name: string, command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), 600_000);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let done = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "# done") done = true;
    print(line);
  }
  await exited;
  clearTimeout(timer);
  if (!done) print(`not ok - ${name}: the suite did not come to its end`);
}

const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=off";
const classpath = [javaClasses, javaClasspath].join(delimiter);

function javaSuite(name: string, main: string) {
  const options = [quiet, "-cp", classpath];
  return {
    missing: missingJavaSuites,
    run: (bootstrap: string) => runProgram(name, "java", [...options, main, bootstrap]),
  };
}

/** They lie in the data folder of a server that is at hand. */
function missingSegments(): string | undefined {
  const isElsewhere = options.target !== undefined || options["apache-kafka"];
  return isElsewhere ? "only Kante's own objects are read" : missingJava();
}

const suites = {
  kcat: { missing: kcatMissing, run: async (bootstrap: string) => runKcat(bootstrap, print) },
  java: javaSuite("java", "Suite"),
  tools: javaSuite("tools", "Tools"),
  members: javaSuite("members", "Members"),
  rolling: javaSuite("rolling", "Rolling"),
  transactions: {
    missing: missingJavaBefore,
    run: async (bootstrap: string) => {
      const before = [classesBefore, join(javaBefore.folder, "lib/*")].join(delimiter);
      await runProgram("transactions", "java", [quiet, "-cp", classpath, "Transactions", "current", bootstrap]);
      await runProgram("transactions 3.6", "java", [quiet, "-cp", before, "Transactions", "3.6", bootstrap]);
    },
  },
  /** Servers of its own: it kills them. */
  streams: { missing: missingJavaSuites, run: () => runStreams({ classpath, print }) },
  /** Servers of its own, Apache Kafka among them. */
  connect: { missing: missingJava, run: () => runConnect(print) },
  python: {
    missing: missingPython,
    run: async (bootstrap: string) => {
      for (const name of ["suite.py", "transactions.py"])
        await runProgram("python", join(tools, "python/bin/python"), [join(root, "test/clients/python", name), bootstrap]);
    },
  },
  go: { missing: missingGo, run: (bootstrap: string) => runProgram("go", join(tools, "go-suite"), [bootstrap]) },
  segments: { missing: missingSegments, run: async () => await runSegments(print) },
};

async function runSuites(label: string, bootstrap: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const suite = suites[name as keyof typeof suites];
    const reason = suite.missing();
    if (reason !== undefined) {
      skipped += 1;
      console.log(`skipped - ${name} (${label}): ${reason}`);
      continue;
    }
    console.log(`# ${name} against ${label}`);
    await suite.run(bootstrap);
  }
}

const names = options.only.split(",");
for (const name of names) {
  if (!(name in suites)) {
    console.error(`unknown suite ${name}; there are ${Object.keys(suites).join(", ")}`);
    process.exit(2);
  }
}
const data = mkdtempSync(join(tmpdir(), "kante-clients-"));
try {
  if (options.target !== undefined) await runSuites(options.target, options.target, names);
  else if (options["apache-kafka"]) {
    const reason = missingJava();
    if (reason !== undefined) throw new Error(reason);
    const kafka = await startApacheKafka(data, await freePort());
    await runSuites("Apache Kafka", kafka.bootstrap, names);
    await kafka.stop();
  } else {
    const kante = await startKante({ data });
    await runSuites("Kante", kante.bootstrap, names);
    if (options.bridge) {
      const bridge = await startBridge(kante.httpUrl);
      await runSuites("Kante through the bridge", bridge.bootstrap, names);
      await bridge.stop();
    }
    await kante.stop();
  }
} finally {
  rmSync(data, { recursive: true, force: true });
}
console.log(`clients: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
