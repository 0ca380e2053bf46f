/** `kante reconcile`: has a server compare its bucket with its cells, and prints what it found. The work is the controller's. */
import { parseArgs } from "node:util";
import { Failure, messageOf } from "./failure.ts";

interface Answer {
  readonly objects: number;
  readonly bytes: number;
  readonly orphans: number;
  readonly orphanBytes: number;
  readonly removed: number;
  readonly unknown: number;
  readonly keys: readonly string[];
}

export function help(): string {
  return `Usage: kante reconcile [options]

Lists the objects of a cluster and tells which of them nobody refers to (orphans). Only such as are older than a day count.

Options:
  --url <url>        where the server's HTTP is (default http://127.0.0.1:8787)
  --cluster <name>   the virtual cluster (default: default)
  --remove           delete the orphans`;
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: "string", default: "http://127.0.0.1:8787" },
      cluster: { type: "string", default: "default" },
      remove: { type: "boolean", default: false },
    },
  });
  const { url, cluster, remove } = values;
  const address = `${url.replace(/\/$/, "")}/c/${cluster}/reconcile?remove=${remove}`;
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
