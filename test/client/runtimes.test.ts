/** The client's contract in Deno and in Bun, with the library as it is shipped. Skipped, by name, where a runtime is not installed. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fast, sharedServer, temporaryFolder } from "../e2e/kante-process.ts";
import { often } from "./contract-steps.ts";
import { contractBundle } from "./runtimes/bundle.ts";
import type { Outcome } from "./runtimes/little-vitest.ts";

/** What looks at the environment are the matchers; the library needs the network alone. */
const runtimes = [
  { name: "deno", variable: "KANTE_DENO", args: ["run", "--no-config", "--allow-net", "--allow-env"] },
  { name: "bun", variable: "KANTE_BUN", args: ["run"] },
] as const;

/** KANTE_DENO or KANTE_BUN names the program; else it is looked for in PATH. */
function find({ name, variable }: (typeof runtimes)[number]): string | undefined {
  const told = process.env[variable];
  if (told !== undefined) return told === "" ? undefined : told;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}

for (const runtime of runtimes) {
  const program = find(runtime);
  if (program === undefined) console.warn(`skipped: ${runtime.name} is not installed (or name it in ${runtime.variable})`);
  describe.skipIf(program === undefined)(`the client's contract in ${runtime.name}`, () => {
    const running = sharedServer({ args: [...fast, ...often], brokers: 2 });

    test("holds", { timeout: 180_000 }, async () => {
      const folder = temporaryFolder();
      const bundle = join(folder, "contract.mjs");
      writeFileSync(bundle, await contractBundle());
      const main = join(folder, "main.mjs");
      const url = `${running().httpUrl}/c/default/kafka`;
      writeFileSync(
        main,
        `import { runContract } from "./contract.mjs";\nconsole.log(JSON.stringify(await runContract(${JSON.stringify(url)})));\n`,
      );
      const outcomes = JSON.parse(await output(program!, [...runtime.args, main])) as Outcome[];
      expect(outcomes.filter(({ failure }) => failure !== undefined)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(25);
    });
  });
}
