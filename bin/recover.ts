/** `kante recover`: has a server look for cells whose leaders have lost their rows, and rebuild them from the bucket. The work is the controller's. */
import { Failure, messageOf } from "./failure.ts";
import { describeFlags, type Flags, parseFlags } from "./flags.ts";

interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: number;
  readonly keptOffsets: number;
  readonly newOffsets: number;
  readonly endOffset: number;
  readonly readdressedBatches: number;
  readonly lostRanges: readonly (readonly [number, number])[];
  readonly lostOffsets: number;
  readonly missingSequences: number;
  readonly duplicates: number;
  readonly expired: number;
  readonly openTransactions: number;
  readonly assumedCommitted: number;
}

interface Answer {
  readonly healthy: readonly number[];
  readonly silent: readonly number[];
  readonly silentReasons: readonly string[];
  readonly recovered: readonly {
    readonly cell: number;
    readonly newCell: number;
    readonly written: boolean;
    readonly objects: number;
    readonly bytes: number;
    readonly faults: readonly { readonly key: string; readonly message: string }[];
    readonly faultCount: number;
    readonly partitions: readonly PartitionAnswer[];
  }[];
}

const flags: Flags = {
  url: { value: "url", standard: "http://127.0.0.1:8787", help: "where the server's HTTP is" },
  cluster: { value: "name", standard: "default", help: "the virtual cluster" },
  write: { help: "rebuild the lost cells in new ones" },
  "offset-gap": { value: "n", standard: "16777216", help: "how far behind the last offset that is known new ones begin" },
  "give-up": { value: "cell", standard: "", help: "take this cell for lost although its leader does not answer" },
  json: { help: "print the whole answer as JSON" },
};

export function help(): string {
  return `Usage: kante recover [options]

Looks for cells whose leaders have lost their storage, and tells what of their partitions the bucket still has.
Nothing is changed without --write.

Options:
${describeFlags(flags)}

Records that were merged keep their offsets. Those in write-ahead objects get new ones, behind the gap. Records that were
only in the lost storage are gone: at most 64 MiB of a cell, as a rule less than 4 MiB.

A leader that does not answer may have its storage, so its cell is left alone. If it says that its rows cannot be read, and no
other version of the software reads them, --give-up takes the cell for lost. What only its rows knew is gone then.`;
}

export async function run(args: readonly string[]): Promise<void> {
  const parsed = parseFlags("recover", flags, args);
  const gap = parsed.integer("offset-gap", 0, 999_999_999);
  const [url, cluster] = [parsed.text("url"), parsed.text("cluster")];
  const given = parsed.text("give-up") === "" ? "" : `&give-up=${parsed.integer("give-up", 0, 999_999_999)}`;
  const address = `${url.replace(/\/$/, "")}/c/${cluster}/recover?write=${parsed.given("write")}&offset-gap=${gap}${given}`;
  const response = await fetch(address, { method: "POST" }).catch((error: unknown) => {
    throw new Failure(`${url} cannot be reached: ${messageOf(error)}`);
  });
  if (!response.ok) throw new Failure(`${address} answered ${response.status}: ${(await response.text()).trim()}`);
  const answer = (await response.json()) as Answer;
  console.log(parsed.given("json") ? JSON.stringify(answer, null, 2) : render(answer).join("\n"));
  if (answer.silent.length > 0) {
    const cells = answer.silent.map((cell, index) => `cell ${cell} (${answer.silentReasons[index]})`);
    throw new Failure(
      `no answer from the leaders of ${cells.join(", ")}: try again, or --give-up a cell whose rows cannot be read`,
    );
  }
}

function render({ healthy, recovered }: Answer): string[] {
  const lines = [`${recovered.length} lost cells, ${healthy.length} healthy`];
  for (const { cell, newCell, written, objects, bytes, faults, faultCount, partitions } of recovered) {
    const what = written ? `rebuilt as cell ${newCell}` : `can be rebuilt as cell ${newCell} (--write)`;
    lines.push(`cell ${cell}: ${what} from ${objects} objects, ${bytes} bytes, ${partitions.length} partitions`);
    for (const partition of partitions) lines.push(...renderPartition(partition).map((line) => `  ${line}`));
    if (faultCount > 0) lines.push(`  ${faultCount} places could not be read`);
    for (const { key, message } of faults) lines.push(`    ${key}: ${message}`);
  }
  return lines;
}

function renderPartition(found: PartitionAnswer): string[] {
  const { topic, partition, logStartOffset, keptOffsets, newOffsets, endOffset, readdressedBatches } = found;
  const kept = keptOffsets > logStartOffset ? `${logStartOffset} to ${keptOffsets} as before` : "nothing with its offsets";
  const news =
    readdressedBatches > 0 ? `${readdressedBatches} batches as ${newOffsets} to ${endOffset}` : `goes on at ${endOffset}`;
  const lines = [`${topic}-${partition}: ${kept}; ${news}`];
  const tell = (count: number, text: string): void => {
    if (count > 0) lines.push(`  ${count} ${text}`);
  };
  const ranges = found.lostRanges.map(([from, to]) => `${from} to ${to}`).join(", ");
  tell(found.lostOffsets, `offsets lost (${ranges}${found.lostRanges.length === 20 ? ", …" : ""})`);
  tell(found.missingSequences, "records missing behind them, by their producers' sequences");
  tell(found.expired, "batches older than retention.ms not brought back");
  tell(found.openTransactions, "transactions open, whose coordinators will end them");
  tell(found.assumedCommitted, "transactions taken for committed, as nobody knows how they ended");
  return lines;
}
