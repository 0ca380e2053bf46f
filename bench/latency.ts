/**
 * How long a producer waits: a lone small record against the bare row that a leader cannot do without, a lone large one against a PUT
 * of 150 ms, and one idempotent producer with five requests under way against such PUTs.
 */
import { LoadConnection, pipeline } from "./load/load-connection.ts";
import { startRawPath } from "./load/raw-path.ts";
import { batchOf, checkProduced, createTopic, newProducerId, produceRequest } from "./load/requests.ts";
import { type BenchServer, change, readMetrics, withFolder, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, percentile } from "./statistics.ts";
import { setTimeout as sleep } from "node:timers/promises";

const putMs = 150;
const requestsPerSecondMax = 250;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The store is slow here too: a lone small record must not notice. */
async function loneInline(server: BenchServer, count: number): Promise<Row[]> {
  return await withFolder(async (folder) => {
    const raw = await startRawPath(folder);
    await createTopic(server.port, "lone", 1);
    const request = produceRequest("lone", new Map([[0, batchOf({ recordBytes: 100, records: 1 })]]));
    const kante = await LoadConnection.open({ port: server.port });
    const bare = await LoadConnection.open({ port: raw.lonePort });
    const times = { kante: [] as number[], bare: [] as number[] };
    // The first ones start objects and compile code.
    for (let index = 0; index < 20; index++) await Promise.all([kante.send(request), bare.send(request)]);
    const before = await readMetrics(server.httpUrl);
    for (let index = 0; index < count; index++) {
      times.kante.push(await timed(async () => checkProduced((await kante.send(request)).head)));
      times.bare.push(await timed(async () => await bare.send(request)));
    }
    const after = await readMetrics(server.httpUrl);
    kante.close();
    bare.close();
    await raw.stop();
    const [p50, barep50] = [median(times.kante), median(times.bare)];
    return [
      {
        name: "lone record of 100 B, p50",
        value: p50,
        unit: "ms",
        ratio: p50 / barep50,
        against: `one bare row by the same way (${barep50.toFixed(2)} ms)`,
      },
      { name: "lone record of 100 B, p99", value: percentile(times.kante, 0.99), unit: "ms" },
      { name: "lone record, beyond the bare row", value: p50 - barep50, unit: "ms", budget: { of: "value", atMost: 5 } },
      {
        name: "lone record: PUTs",
        value: change(before, after, "kante_object_puts_total") / count,
        unit: "a record",
        budget: { of: "value", atMost: 0 },
      },
      {
        name: "lone record: rows",
        value: change(before, after, "kante_rows_written_total") / count,
        unit: "a record",
        // A snapshot now and then, which pays for itself by what it lets go.
        budget: { of: "value", atMost: 1.1 },
      },
    ];
  });
}

/** One at a time, each after a pause in which a PUT token comes back. */
async function loneObject(server: BenchServer, count: number): Promise<Row[]> {
  await createTopic(server.port, "large", 1);
  const request = produceRequest("large", new Map([[0, batchOf({ recordBytes: 100_000, records: 1 })]]));
  const connection = await LoadConnection.open({ port: server.port });
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    times.push(await timed(async () => checkProduced((await connection.send(request)).head)));
    await sleep(120);
  }
  connection.close();
  return [
    {
      name: `lone record of 100 kB at ${putMs} ms a PUT, p50`,
      value: median(times),
      unit: "ms",
      ratio: median(times) / putMs,
      against: "the PUT",
      budget: { of: "value", atMost: putMs + 30 },
    },
    { name: `lone record of 100 kB at ${putMs} ms a PUT, p99`, value: percentile(times, 0.99), unit: "ms" },
  ];
}

/** As Java's default producer sends: never more than five unanswered, sequences running on. */
async function fiveInFlight(server: BenchServer, batchBytes: number, seconds: number): Promise<Row[]> {
  const topic = `five-${batchBytes}`;
  await createTopic(server.port, topic, 1);
  const connection = await LoadConnection.open({ port: server.port });
  const { id, epoch } = await newProducerId(connection);
  // Encoded beforehand: what the client does between an answer and the next request counts against the server. More than can go.
  const requests = Array.from({ length: seconds * requestsPerSecondMax }, (_, sequence) => {
    const batch = batchOf({ recordBytes: batchBytes, records: 1, producer: { id, epoch, sequence } });
    return produceRequest(topic, new Map([[0, batch]]));
  }).values();
  let answered = 0;
  let waitedMs = 0;
  const start = performance.now();
  await pipeline(5, 5, async () => {
    for (let next = requests.next(); !next.done && performance.now() - start < seconds * 1000; next = requests.next()) {
      const request = next.value;
      const ms = await timed(async () => checkProduced((await connection.send(request)).head));
      waitedMs += ms;
      answered += 1;
    }
  });
  const elapsedMs = performance.now() - start;
  connection.close();
  const name = `idempotent, five in flight, ${batchBytes / 1000} kB, ${putMs} ms a PUT`;
  const oneByOne = 1000 / putMs;
  const rate = (answered / elapsedMs) * 1000;
  return [
    {
      name,
      value: rate,
      unit: "requests/s",
      ratio: rate / oneByOne,
      against: "one PUT after the other",
      budget: { of: "value", atLeast: 25 },
    },
    // Little's law: the time all of them waited ÷ the time that passed.
    { name: `${name}: under way`, value: waitedMs / elapsedMs, unit: "requests", budget: { of: "value", atLeast: 4.9 } },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  return await withKante({ args: ["--put-delay-ms", String(putMs)] }, async (server) => [
    ...(await loneInline(server, quick ? 50 : 400)),
    ...(await loneObject(server, quick ? 8 : 24)),
    ...(await fiveInFlight(server, 16_000, quick ? 3 : 8)),
    ...(await fiveInFlight(server, 100_000, quick ? 3 : 8)),
  ]);
}
