/** `kante inspect`: the command itself stands beside the formats' other tools. */
import { run as inspect } from "../scripts/inspect.ts";

export async function run(args: readonly string[]): Promise<void> {
  process.exitCode = await inspect(args);
}
