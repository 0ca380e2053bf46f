/**
 * Reading what was just written, from the broker's cache, against producing the same bytes in the same run; and, for comparison, reading
 * what is no longer cached, from disk. Answers are cut and counted, not copied: the reader must not be the limit.
 */
import { LoadConnection, pipeline } from "./load/load-connection.ts";
import { batchOf, checkProduced, createTopic, fetchRequest, produceRequest } from "./load/requests.ts";
import { change, readMetrics, withKante } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { mediansInTurns } from "./statistics.ts";

const mebibyte = 1024 * 1024;
const connections = 4;
/** What is read again and again fits into the cache of a broker with its default budget. */
const partitionBytes = 4 * mebibyte;
const topic = "fetched";

async function openAll(port: number): Promise<LoadConnection[]> {
  return await Promise.all(Array.from({ length: connections }, async () => await LoadConnection.open({ port })));
}

function rateOf(bytes: number, startMs: number): number {
  return bytes / 1e6 / ((performance.now() - startMs) / 1000);
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const totalMebibytes = quick ? 128 : 384;
  const batch = batchOf({ recordBytes: 1024, records: 1000 });
  return await withKante({}, async ({ port, httpUrl }) => {
    await createTopic(port, topic, connections);
    const producers = await openAll(port);
    /** Where the last batch of each partition begins. */
    const newest = Array.from({ length: connections }, () => 0);
    const produce = async (bytesEach: number): Promise<number> => {
      const startMs = performance.now();
      const count = Math.ceil(bytesEach / batch.byteLength);
      await Promise.all(
        producers.map(async (connection, partition) => {
          const request = produceRequest(topic, new Map([[partition, batch]]));
          await pipeline(count, 5, async () => {
            const baseOffset = checkProduced((await connection.send(request)).head);
            newest[partition] = Math.max(newest[partition]!, baseOffset);
          });
        }),
      );
      return rateOf(count * batch.byteLength * connections, startMs);
    };
    await produce(partitionBytes);
    const at = (offset: number, partition: number): Uint8Array =>
      fetchRequest({ topic, partitions: [partition], offset, maxWaitMs: 100, partitionMaxBytes: mebibyte });
    const consumers = await openAll(port);
    /** Each connection reads the newest bytes of its partition, over and over. */
    const fetch = async (): Promise<number> => {
      const startMs = performance.now();
      let bytes = 0;
      await Promise.all(
        consumers.map(async (connection, partition) => {
          const request = at(newest[partition]!, partition);
          await pipeline(totalMebibytes / connections, 4, async () => {
            const { byteLength } = await connection.send(request);
            bytes += byteLength;
          });
        }),
      );
      if (bytes < totalMebibytes * batch.byteLength * 0.9) throw new Error(`only ${bytes} bytes came back`);
      return rateOf(bytes, startMs);
    };
    const before = await readMetrics(httpUrl);
    const rates = await mediansInTurns(quick ? 1 : 5, {
      produce: async () => await produce((totalMebibytes / connections / 2) * mebibyte),
      fetch,
    });
    const gets = change(before, await readMetrics(httpUrl), "kante_object_gets_total");
    const cold = await mediansInTurns(quick ? 1 : 3, {
      // From the beginning on: long gone from the cache.
      cold: async () => {
        const startMs = performance.now();
        let bytes = 0;
        await Promise.all(
          consumers.map(async (connection, partition) => {
            for (let step = 0; step < 16; step++) {
              const { byteLength } = await connection.send(at(step * 1000, partition));
              bytes += byteLength;
            }
          }),
        );
        const rate = rateOf(bytes, startMs);
        await produce((64 / connections) * mebibyte);
        return rate;
      },
    });
    for (const connection of [...producers, ...consumers]) connection.close();
    return [
      {
        name: "fetch from cache, 1 MiB answers",
        value: rates.fetch,
        unit: "MB/s",
        ratio: rates.fetch / rates.produce,
        against: `produce (${rates.produce.toFixed(0)} MB/s)`,
        budget: { of: "ratio", atLeast: 3 },
      },
      { name: "fetch from cache: GETs", value: gets, unit: "GETs", budget: { of: "value", atMost: 0 } },
      { name: "fetch from disk", value: cold.cold, unit: "MB/s", ratio: cold.cold / rates.produce, against: "produce" },
    ];
  });
}
