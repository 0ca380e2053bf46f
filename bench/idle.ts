/**
 * What a cluster costs while nobody uses it, once with nobody connected and once with a WebSocket that says nothing, both after some
 * work. Counters can start anew when an object is evicted, so rows and objects are counted as well: what was not written was not billed.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { LoadConnection } from "./load/load-connection.ts";
import { batchOf, checkProduced, createTopic, produceRequest } from "./load/requests.ts";
import { type BenchServer, change, readMetrics, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";

/** Requests are the clients' and the objects' among themselves; each is one that a deployment would pay for. */
const counters: readonly (readonly [name: string, unit: string])[] = [
  ["kante_requests_total", "Kafka requests"],
  ["kante_commits_total", "commits"],
  ["kante_follows_total", "follows"],
  ["kante_finds_total", "finds"],
  ["kante_object_puts_total", "PUTs"],
  ["kante_object_gets_total", "GETs"],
  ["kante_rows_written_total", "rows"],
];

/** Everything durable: rows of every Durable Object's database, and the objects. Databases are copied, for they are in use. */
function durable(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const objects = files.filter(({ parentPath }) => parentPath.startsWith(join(folder, "objects"))).length;
  const databases = files.filter(({ name }) => name.endsWith(".sqlite"));
  const copies = mkdtempSync(join(tmpdir(), "kante-bench-idle-"));
  try {
    return objects + databases.reduce((sum, { parentPath, name }) => sum + rowsOf(parentPath, name, copies), 0);
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
}

function rowsOf(folder: string, name: string, copies: string): number {
  for (const part of [name, `${name}-wal`])
    if (existsSync(join(folder, part))) copyFileSync(join(folder, part), join(copies, part));
  const database = new DatabaseSync(join(copies, name));
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
  const count = (table: string): number => Number(Object.values(database.prepare(`SELECT count(*) FROM "${table}"`).get()!)[0]);
  const rows = tables.reduce((sum, table) => sum + count(table.name), 0);
  database.close();
  return rows;
}

/** Of the runtime, the server's child: milliseconds of processor time. */
function cpuMs({ running }: BenchServer): number {
  const ids = readFileSync(`/proc/${running.child.pid}/task/${running.child.pid}/children`, "utf8").trim().split(" ");
  const ticks = ids.map((id) => {
    const fields = readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, own) => sum + own, 0) * 10;
}

async function work(server: BenchServer): Promise<void> {
  await createTopic(server.port, "idle", 4);
  const connection = await LoadConnection.open({ port: server.port });
  const batch = batchOf({ recordBytes: 1024, records: 200 });
  for (const partition of [0, 1, 2, 3])
    checkProduced((await connection.send(produceRequest("idle", new Map([[partition, batch]])))).head);
  connection.close();
}

async function idle(name: string, server: BenchServer, seconds: number): Promise<Row[]> {
  const [before, durableBefore, cpuBefore] = [await readMetrics(server.httpUrl), durable(server.folder), cpuMs(server)];
  await sleep(seconds * 1000);
  const cpu = cpuMs(server) - cpuBefore;
  const more = durable(server.folder) - durableBefore;
  const after = await readMetrics(server.httpUrl);
  const paid = counters.reduce((sum, [counter]) => sum + change(before, after, counter), 0);
  const unit = `in ${seconds} s`;
  return [
    { name: `${name}: requests, rows, PUTs, GETs`, value: paid, unit, budget: { of: "value", atMost: 0 } },
    { name: `${name}: rows and objects more`, value: more, unit, budget: { of: "value", atMost: 0 } },
    { name: `${name}: processor time of the runtime`, value: cpu / seconds, unit: "ms/s" },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const seconds = quick ? 15 : 60;
  return await withKante(
    {},
    async (alone) =>
      await withKante({}, async (connected) => {
        for (const server of [alone, connected]) await work(server);
        const silent = await LoadConnection.open({ port: connected.httpPort, webSocketPath: "/c/default/kafka" });
        await sleep(3000);
        const rows = await Promise.all([idle("nobody connected", alone, seconds), idle("a silent WebSocket", connected, seconds)]);
        silent.close();
        return rows.flat();
      }),
  );
}
