/** The server is killed while clients write, again and again: every record that was acknowledged is at the offset that was told. */
import { expect, onTestFinished, test } from "vitest";
import { LoadConnection } from "../../bench/load/load-connection.ts";
import { checkProduced, createTopic, fetchRequest, produceRequest } from "../../bench/load/requests.ts";
import { kernel } from "../../kernel/kernel.ts";
import { decodeResponse } from "../../protocol/codec.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { eventually, httpPortOf, portOf, server, temporaryFolder } from "./kante-process.ts";

const fetchVersion = 12;
const partitions = 4;
/** Below and above what travels inline. */
const sizes = [100, 3000, 90_000];

interface Acknowledged {
  readonly offset: number;
  readonly name: string;
}

function recordOf(name: string, byteLength: number): Uint8Array {
  const value = new Uint8Array(byteLength);
  new TextEncoder().encodeInto(name.padEnd(20), value);
  return encodeBatch({ records: [{ value }], ...writtenNow() });
}

/** Writes to one partition until the connection breaks. */
async function write(port: number, partition: number, round: number, acknowledged: Acknowledged[]): Promise<void> {
  const connection = await LoadConnection.open({ port });
  try {
    for (let index = 0; ; index++) {
      const name = `${round}-${index}`;
      const batch = recordOf(name, sizes[index % sizes.length] ?? 0);
      acknowledged.push({
        offset: checkProduced((await connection.send(produceRequest("kept", new Map([[partition, batch]])))).head),
        name,
      });
    }
  } catch {
    connection.close();
  }
}

async function readAll(port: number, partition: number): Promise<Map<number, string>> {
  const connection = await LoadConnection.open({ port, headBytesMax: 1 << 26 });
  onTestFinished(() => connection.close());
  const found = new Map<number, string>();
  for (let offset = 0; ;) {
    const request = fetchRequest({ topic: "kept", partitions: [partition], offset, maxWaitMs: 0, partitionMaxBytes: 1 << 22 });
    const { responses } = decodeResponse(fetch, fetchVersion, (await connection.send(request)).head).body;
    const result = responses[0]?.partitions[0];
    expect(result?.errorCode).toBe(0);
    const set = result?.records ?? new Uint8Array(0);
    if (Number(result?.highWatermark) === offset) return found;
    for (const header of kernel.batches(set)) {
      expect(header.baseOffset).toBe(offset);
      const text = new TextDecoder().decode(set.subarray(header.position, header.position + 120));
      found.set(offset, /\d+-\d+/.exec(text)?.[0] ?? "");
      offset += header.offsetCount;
    }
  }
}

test.each([1, 2])(
  "[I1] [I2] [I7] what was acknowledged by %d broker(s) survives three kills while clients write",
  { timeout: 120_000 },
  async (brokers) => {
    const data = temporaryFolder();
    const args = ["--set", "wal.puts.per.second=1000"];
    const acknowledged = Array.from({ length: partitions }, (): Acknowledged[] => []);
    let running = await server({ data, brokers, args });
    await createTopic(portOf(running), "kept", partitions);
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.map(({ length }) => length);
      const writers = acknowledged.map((list, partition) => write(portOf(running) + (partition % brokers), partition, round, list));
      await eventually(() => acknowledged.every(({ length }, partition) => length > (before[partition] ?? 0) + 10));
      await running.stop("SIGKILL");
      await Promise.all(writers);
      running = await server({ data, brokers, args, kafkaPort: portOf(running), httpPort: httpPortOf(running) });
    }
    for (const [partition, list] of acknowledged.entries()) {
      const found = await readAll(portOf(running), partition);
      expect(list.filter(({ offset, name }) => found.get(offset) !== name)).toEqual([]);
    }
  },
);
