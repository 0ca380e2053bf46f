/** `kante reconcile`: has a server compare its bucket with its cells, and prints what it found. The work is the controller's. */
import { Failure, messageOf } from "./failure.ts";
import { describeFlags, type Flags, parseFlags } from "./flags.ts";

interface Answer {
  readonly objects: number;
  readonly bytes: number;
  readonly orphans: number;
  readonly orphanBytes: number;
  readonly removed: number;
  readonly unknown: number;
  readonly keys: readonly string[];
}

const flags: Flags = {
  url: { value: "url", standard: "http://127.0.0.1:8787", help: "where the server's HTTP is" },
  cluster: { value: "name", standard: "default", help: "the virtual cluster" },
  remove: { help: "delete the orphans" },
};

export function help(): string {
  return `Usage: kante reconcile [options]

Lists the objects of a cluster and tells which of them nobody refers to (orphans). Only such as are older than a day count.

Options:
${describeFlags(flags)}`;
}

export async function run(args: readonly string[]): Promise<void> {
  const parsed = parseFlags("reconcile", flags, args);
  const [url, cluster] = [parsed.text("url"), parsed.text("cluster")];
  const address = `${url.replace(/\/$/, "")}/c/${cluster}/reconcile?remove=${parsed.given("remove")}`;
  const response = await fetch(address, { method: "POST" }).catch((error: unknown) => {
    throw new Failure(`${url} cannot be reached: ${messageOf(error)}`);
  });
  if (!response.ok) throw new Failure(`${address} answered ${response.status}: ${(await response.text()).trim()}`);
  const found = (await response.json()) as Answer;
  console.log(`${found.objects} objects, ${found.bytes} bytes`);
  console.log(`${found.orphans} orphans older than a day, ${found.orphanBytes} bytes; ${found.removed} removed`);
  if (found.unknown > 0) console.log(`${found.unknown} keys that are none of ours`);
  for (const key of found.keys) console.log(`  ${key}`);
}
