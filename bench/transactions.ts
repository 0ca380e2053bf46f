/**
 * What a transaction costs one producer that sends one record to one partition in each: how many a second, against the five rows that
 * it writes one after the other; whether a slow store is noticed; rows and calls between objects; and the end of one that spans a
 * thousand partitions.
 */
import { LoadConnection } from "./load/load-connection.ts";
import { startRawPath } from "./load/raw-path.ts";
import { batchOf, createTopic, produceRequest } from "./load/requests.ts";
import { type BenchServer, change, readMetrics, withFolder, withKante } from "./load/server.ts";
import { TransactionalLoad } from "./load/transactions.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, mediansInTurns } from "./statistics.ts";

const putMs = 150;
const manyPartitions = 1000;
/** Of a transaction: it begins, its record, its end, the marker, all have heard. None can be written before the one in front of it. */
const rowsEach = 5;
/** One to another object each: the coordinator, asked to begin and to end, and the leader, given the record and the marker. */
const callsEach = 4;
const versions = [2, 1] as const;

export async function run(options: BenchOptions): Promise<Row[]> {
  return [...(await rates(options)), ...(await many(options, manyPartitions)), ...(await many(options, manyPartitions / 10))];
}

async function ratePerSecond(ms: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < ms; count++) await work();
  return (count / (performance.now() - start)) * 1000;
}

async function opened(server: BenchServer, version: 1 | 2): Promise<{ load: TransactionalLoad; close: () => void }> {
  const connection = await LoadConnection.open({ port: server.port, headBytesMax: 1 << 20 });
  return { load: await TransactionalLoad.begin(connection, version), close: () => connection.close() };
}

async function rates({ quick }: BenchOptions): Promise<Row[]> {
  const slow = ["--put-delay-ms", String(putMs)];
  return await withFolder(
    async (folder) =>
      await withKante(
        {},
        async (fast) => await withKante({ args: slow }, async (slowed) => await compared(folder, fast, slowed, quick)),
      ),
  );
}

async function compared(folder: string, fast: BenchServer, slowed: BenchServer, quick: boolean): Promise<Row[]> {
  const raw = await startRawPath(folder);
  const bare = await LoadConnection.open({ port: raw.lonePort });
  const bareRequest = produceRequest("bare", new Map([[0, batchOf({ recordBytes: 100, records: 1 })]]));
  const ms = quick ? 500 : 1000;
  const rows: Row[] = [];
  for (const server of [fast, slowed]) await createTopic(server.port, "lone", 1);
  for (const version of versions) {
    const [one, other] = [await opened(fast, version), await opened(slowed, version)];
    const transact = async ({ load }: typeof one, recordBytes = 100): Promise<void> => {
      await load.send("lone", [0], recordBytes);
      await load.end();
    };
    const rate = await mediansInTurns(quick ? 3 : 9, {
      bare: async () => await ratePerSecond(ms, async () => await bare.send(bareRequest)),
      fast: async () => await ratePerSecond(ms, async () => await transact(one)),
      slow: async () => await ratePerSecond(ms, async () => await transact(other)),
    });
    const name = `version ${version}, one record of 100 B`;
    rows.push(
      {
        name,
        value: rate.fast,
        unit: "transactions/s",
        ratio: (rate.fast * rowsEach) / rate.bare,
        against: `${rowsEach} bare rows one after the other (${(rate.bare / rowsEach).toFixed(0)}/s)`,
        budget: { of: "ratio", atLeast: 0.5 },
      },
      {
        name: `${name}, ${putMs} ms a PUT`,
        value: rate.slow,
        unit: "transactions/s",
        ratio: rate.slow / rate.fast,
        against: "the same without that delay",
        budget: { of: "ratio", atLeast: 0.8 },
      },
      ...(await costs(name, slowed, quick ? 50 : 300, async () => await transact(other))),
      ...(version === 2 ? [await large(quick ? 8 : 24, async () => await transact(other, 100_000))] : []),
    );
    for (const each of [one, other]) each.close();
  }
  bare.close();
  await raw.stop();
  return rows;
}

/** Rows, calls between objects, PUTs: each of them is paid for. */
async function costs(name: string, { httpUrl }: BenchServer, count: number, transact: () => Promise<void>): Promise<Row[]> {
  const before = await readMetrics(httpUrl);
  for (let index = 0; index < count; index++) await transact();
  const after = await readMetrics(httpUrl);
  const each = (...counters: readonly string[]): number =>
    counters.reduce((sum, counter) => sum + change(before, after, counter), 0) / count;
  const calls = each("kante_commits_total", "kante_transaction_requests_total", "kante_transaction_calls_total");
  const unit = "a transaction";
  return [
    // A snapshot now and then, which pays for itself by what it lets go.
    { name: `${name}: rows`, value: each("kante_rows_written_total"), unit, budget: { of: "value", atMost: rowsEach * 1.1 } },
    { name: `${name}: calls between objects`, value: calls, unit, budget: { of: "value", atMost: callsEach * 1.02 } },
    { name: `${name}: PUTs`, value: each("kante_object_puts_total"), unit, budget: { of: "value", atMost: 0 } },
  ];
}

/** The record needs a PUT; the marker needs none, whatever the record needed. */
async function large(count: number, transact: () => Promise<void>): Promise<Row> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    await transact();
    times.push(performance.now() - start);
  }
  return {
    name: `version 2, one record of 100 kB, ${putMs} ms a PUT, p50`,
    value: median(times),
    unit: "ms",
    ratio: median(times) / putMs,
    against: "the PUT",
    budget: { of: "ratio", atMost: 1.4 },
  };
}

interface End {
  readonly answeredMs: number[];
  readonly overMs: number[];
  readonly rows: number[];
}

/** The end of a transaction with records in so many partitions: what its producer waits for, and what the next one waits for. */
async function many({ quick }: BenchOptions, cellPartitions: number): Promise<Row[]> {
  const args = ["--set", `cell.partitions.max=${cellPartitions}`, "--set", "wal.puts.per.second=1000"];
  return await withKante({ args }, async (server) => {
    await createTopic(server.port, "wide", manyPartitions);
    const { load, close } = await opened(server, 2);
    const all = Array.from({ length: manyPartitions }, (_, partition) => partition);
    const [wide, narrow]: [End, End] = [newEnd(), newEnd()];
    for (let index = 0; index < (quick ? 4 : 12); index++) {
      await ended(server, load, all, wide);
      await ended(server, load, [0], narrow);
    }
    close();
    const cells = manyPartitions / cellPartitions;
    const name = `commit of ${manyPartitions} partitions in ${cells} cell${cells === 1 ? "" : "s"}`;
    const compared = (what: string, pick: (end: End) => number[], atMost: number): Row => {
      const [value, one] = [median(pick(wide)), median(pick(narrow))];
      const against = `that of one partition (${one.toFixed(1)} ms)`;
      return { name: `${name}: ${what}`, value, unit: "ms", ratio: value / one, against, budget: { of: "ratio", atMost } };
    };
    return [
      compared("answered", ({ answeredMs }) => answeredMs, 5),
      compared("all have heard", ({ overMs }) => overMs, 10),
      { name: `${name}: rows`, value: median(wide.rows), unit: "rows", budget: { of: "value", atMost: cells + 2 } },
    ];
  });
}

function newEnd(): End {
  return { answeredMs: [], overMs: [], rows: [] };
}

async function ended(server: BenchServer, load: TransactionalLoad, partitions: readonly number[], end: End): Promise<void> {
  await load.send("wide", partitions, 100);
  const before = await readMetrics(server.httpUrl);
  const start = performance.now();
  await load.end();
  end.answeredMs.push(performance.now() - start);
  await load.rest();
  end.overMs.push(performance.now() - start);
  // The next epoch, by which this is known, is a row too.
  end.rows.push(change(before, await readMetrics(server.httpUrl), "kante_rows_written_total") - 1);
}
