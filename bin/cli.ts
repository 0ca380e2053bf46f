/**
 * The command line: picks the command, prints help, and turns every failure into one line on stderr and an exit code. Commands
 * are imported when they are asked for, so that `--help` does not load a server.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, messageOf } from "./failure.ts";

interface Command {
  /** Undefined: the command prints its own. */
  readonly help?: () => string;
  readonly run: (args: readonly string[]) => Promise<void>;
}

const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  start: { summary: "run a Kafka-compatible server on this machine", load: () => import("./start.ts") },
  bridge: { summary: "give Kafka clients a local TCP address for a remote cluster", load: () => import("./bridge.ts") },
  reconcile: { summary: "compare the bucket with what is referred to, and remove orphans", load: () => import("./reconcile.ts") },
  recover: { summary: "rebuild cells that have lost their storage from the bucket", load: () => import("./recover.ts") },
  inspect: { summary: "print what is in a write-ahead object", load: () => import("./inspect.ts") },
};

function overview(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
  return `Usage: kante <command> [options]\n\nKante is a Kafka-compatible, diskless event log.\n\nCommands:\n${lines.join("\n")}\n\nkante <command> --help says what a command takes, kante --version which version this is.`;
}

function version(): string {
  const description = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as { version: string };
  return description.version;
}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(overview());
    if (name === undefined) process.exitCode = 2;
    return;
  }
  if (name === "--version" || name === "-v") {
    console.log(`kante ${version()}`);
    return;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw new Failure(`unknown command ${name} (see: kante --help)`, 2);
  const command = await entry.load();
  if (command.help !== undefined && (rest.includes("--help") || rest.includes("-h"))) console.log(command.help());
  else await command.run(rest);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const expected = error instanceof Failure;
  console.error(`kante: ${expected ? error.message : (error instanceof Error && error.stack) || messageOf(error)}`);
  process.exit(expected ? error.exitCode : 1);
}
