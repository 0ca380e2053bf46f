/**
 * `kante inspect <file>`: what an object says of itself, and whether that is true. Needs the file only, no server and no control
 * plane (D9). Exit code 0 when the object is whole, 1 when it is damaged, 2 when there was nothing to look at.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { batchesOf, checkBody, salvageBatches, type Salvage } from "../core/wal/body.ts";
import { decodeFooterOf, type Damage, type ObjectFooter, type WalExtent } from "../core/wal/format.ts";
import type { BatchHeader } from "../kernel/interface.ts";
import { crc32c } from "../kernel/twins/crc32c.ts";

const usage = `usage: kante inspect <file> [--batches] [--json]

Prints who wrote an object, its extents, and whether it is whole.
  --batches   also every batch
  --json      one JSON document instead of text
Exit code: 0 whole, 1 damaged, 2 wrong usage or unreadable file.`;

export function help(): string {
  return usage;
}

interface Report {
  readonly file: string;
  readonly byteLength: number;
  readonly verdict: "whole" | "damaged";
  readonly damage: readonly Damage[];
  /** Missing when the footer cannot be trusted; then there is `salvage`. */
  readonly footer?: ObjectFooter;
  readonly batches?: readonly (readonly BatchHeader[])[];
  readonly salvage?: Salvage;
}

export async function run(argv: readonly string[]): Promise<number> {
  const request = parse(argv);
  if (typeof request === "string") {
    console.error(request);
    return 2;
  }
  if (request.help) {
    console.log(usage);
    return 0;
  }
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(request.file);
  } catch (error) {
    console.error(`kante inspect: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const report = inspect(request.file, bytes, request.batches);
  console.log(request.json ? JSON.stringify(report, null, 2) : render(report));
  return report.verdict === "whole" ? 0 : 1;
}

interface Request {
  readonly file: string;
  readonly batches: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** What is asked for, or what to say instead. */
function parse(argv: readonly string[]): Request | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { batches: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    const [file, ...more] = positionals;
    const { batches = false, json = false, help = false } = values;
    if (help) return { file: "", batches, json, help };
    if (file === undefined || more.length > 0) return usage;
    return { file, batches, json, help };
  } catch (error) {
    return `kante inspect: ${error instanceof Error ? error.message : String(error)}\n${usage}`;
  }
}

function inspect(file: string, bytes: Uint8Array, wantBatches: boolean): Report {
  const byteLength = bytes.byteLength;
  const result = decodeFooterOf(bytes, crc32c);
  if (!result.ok) return { file, byteLength, verdict: "damaged", damage: [result.damage], salvage: salvageBatches(bytes, crc32c) };
  const { footer } = result;
  const damage = checkBody(bytes, footer, crc32c);
  const verdict = damage.length === 0 ? "whole" : "damaged";
  // Where a length is wrong, the batches behind it cannot be told.
  const batches = wantBatches && verdict === "whole" ? footer.extents.map((extent) => batchesOf(bytes, extent)) : undefined;
  return { file, byteLength, verdict, damage, footer, batches };
}

function render(report: Report): string {
  const { footer, salvage } = report;
  const lines = [`${report.file}: ${report.byteLength} bytes`];
  if (footer !== undefined) lines.push(...renderFooter(footer, report.batches));
  lines.push(
    `verdict: ${report.verdict}`,
    ...report.damage.map(({ kind, position, message }) => `  at ${position}, ${kind}: ${message}`),
  );
  if (salvage !== undefined) lines.push(...renderSalvage(salvage));
  return lines.join("\n");
}

function renderFooter(footer: ObjectFooter, batches: Report["batches"]): string[] {
  const batchCount = footer.extents.reduce((sum, extent) => sum + extent.batchCount, 0);
  return [
    titleOf(footer),
    `${footer.extents.length} extents, ${batchCount} batches, body of ${footer.bodyLength} bytes`,
    ...footer.extents.flatMap((extent, index) => [renderExtent(extent), ...(batches?.[index] ?? []).map(renderBatch)]),
  ];
}

function titleOf({ kind, version, identity }: ObjectFooter): string {
  if (kind === "merged") {
    return `merged object, format version ${version}, written by the leader of cell ${identity.cell} at cursor ${identity.cursor}`;
  }
  const { brokerId, brokerEpoch, sequence } = identity;
  return `WAL object, format version ${version}, written by broker ${brokerId} in epoch ${brokerEpoch} as number ${sequence}`;
}

function renderExtent({ cell, topicId, partition, byteStart, byteLength, batchCount, maxTimestamp }: WalExtent): string {
  return `  cell ${cell} topic ${topicId} partition ${partition}: ${byteLength} bytes at ${byteStart}, ${batchCount} batches until ${time(maxTimestamp)}`;
}

function renderBatch(batch: BatchHeader): string {
  const producer =
    batch.producerId < 0 ? "" : `, producer ${batch.producerId} epoch ${batch.producerEpoch} sequence ${batch.baseSequence}`;
  return `    at ${batch.position}: ${batch.size} bytes, ${batch.recordCount} records until ${time(batch.maxTimestamp)}${producer}`;
}

function renderSalvage({ batches, gaps }: Salvage): string[] {
  const records = batches.reduce((sum, batch) => sum + batch.recordCount, 0);
  return [
    `salvage: ${batches.length} good batches with ${records} records, of unknown partitions`,
    ...gaps.map(({ position, byteLength }) => `  at ${position}: ${byteLength} bytes that are no batch`),
  ];
}

function time(timestamp: number): string {
  const date = new Date(timestamp);
  return timestamp < 0 || Number.isNaN(date.getTime()) ? "no time" : date.toISOString();
}
