/** From the command to the first Kafka answer, with an empty folder and with one that holds records. What is built is built before. */
import { rmSync } from "node:fs";
import { startKante } from "../test/clients/kante.ts";
import { LoadConnection } from "./load/load-connection.ts";
import { batchOf, checkProduced, createTopic, produceRequest } from "./load/requests.ts";
import { withFolder } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median } from "./statistics.ts";

interface Start {
  readonly listeningMs: number;
  readonly servingMs: number;
}

async function start(folder: string, topic: string): Promise<Start> {
  const startMs = performance.now();
  const running = await startKante({ data: folder, args: ["--log-level", "error"] });
  const listeningMs = performance.now() - startMs;
  const port = Number(running.bootstrap.split(":")[1]);
  await createTopic(port, topic, 1);
  const connection = await LoadConnection.open({ port });
  checkProduced((await connection.send(produceRequest(topic, new Map([[0, batchOf({ recordBytes: 100, records: 1 })]])))).head);
  const servingMs = performance.now() - startMs;
  connection.close();
  await running.stop();
  return { listeningMs, servingMs };
}

function rows(name: string, starts: readonly Start[]): Row[] {
  return [
    {
      name: `${name}: listening`,
      value: median(starts.map(({ listeningMs }) => listeningMs)),
      unit: "ms",
      budget: { of: "value", atMost: 2000 },
    },
    { name: `${name}: first record acknowledged`, value: median(starts.map(({ servingMs }) => servingMs)), unit: "ms" },
  ];
}

export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const repetitions = quick ? 1 : 5;
  return await withFolder(async (folder) => {
    const [empty, used]: Start[][] = [[], []];
    for (let repetition = 0; repetition < repetitions; repetition++) {
      rmSync(`${folder}/data`, { recursive: true, force: true });
      empty!.push(await start(`${folder}/data`, "first"));
      used!.push(await start(`${folder}/data`, "second"));
    }
    return [...rows("empty folder", empty!), ...rows("folder with records", used!)];
  });
}
