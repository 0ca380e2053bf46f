/**
 * One group's Durable Object in workerd: heartbeats and commits a second, against an object that does nothing or writes one row and is
 * called the same way; how long new members take until each has its part; and the rows all of that writes (D6).
 */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compatibilityDate } from "../bin/engine.ts";
import { bundleForWorkerd } from "../scripts/bundle-for-workerd.ts";
import { withFolder } from "./load/server.ts";
import type { BenchOptions, Row } from "./row.ts";
import { median, mediansInTurns } from "./statistics.ts";
import type { GroupProtocol, GroupRun } from "./workerd/group-run.ts";

const protocols: readonly GroupProtocol[] = ["classic", "consumer"];
const lanes = 32;
/** Two heartbeats of a stock client's: a group of 200 that is not balanced by then makes its consumers wait. */
const balanceMsMax: Readonly<Record<number, number>> = { 2: 1000, 20: 2000, 200: 6000 };

/** A group with members sets an alarm a minute, a row that may fall among the hundreds of calls that are counted. */
const alarmRows = 0.005;

export async function run({ quick }: BenchOptions, note: (text: string) => void): Promise<Row[]> {
  note(`group.initial.rebalance.delay.ms is 0, members beat every 100 ms, the topic has 400 partitions; ${lanes} calls under way`);
  return await withFolder(async (folder) => {
    const miniflare = await startWorker(folder);
    try {
      const rows: Row[] = [];
      for (const protocol of protocols) rows.push(...(await rates(miniflare, protocol, quick ? 500 : 2000, quick ? 1 : 5)));
      for (const protocol of protocols) {
        for (const members of [2, 20, 200]) rows.push(...(await balance(miniflare, protocol, members, quick ? 1 : 5)));
      }
      return rows;
    } finally {
      await miniflare.dispose();
    }
  });
}

async function rates(miniflare: Miniflare, protocol: GroupProtocol, ms: number, repetitions: number): Promise<Row[]> {
  const group = `rates-${protocol}`;
  await ask(miniflare, { operation: "balance", group, protocol, members: 20 });
  const perSecond = async (operation: "nothing" | "row" | "heartbeats" | "commits"): Promise<number> => {
    const calls = await ask(miniflare, { operation, group, ms, lanes });
    return (calls.value / calls.ms) * 1000;
  };
  const measured = await mediansInTurns(repetitions, {
    nothing: async () => await perSecond("nothing"),
    heartbeats: async () => await perSecond("heartbeats"),
    row: async () => await perSecond("row"),
    commits: async () => await perSecond("commits"),
  });
  const rowsPer = async (operation: "heartbeats" | "commits"): Promise<number> => {
    const before = await ask(miniflare, { operation: "rows", group });
    const calls = await ask(miniflare, { operation, group, ms, lanes });
    return ((await ask(miniflare, { operation: "rows", group })).value - before.value) / calls.value;
  };
  const against = (what: string, rate: number): string => `${what} (${Math.round(rate)}/s)`;
  return [
    {
      name: `${protocol}: heartbeats`,
      value: measured.heartbeats,
      unit: "a second",
      ratio: measured.heartbeats / measured.nothing,
      against: against("a call that does nothing", measured.nothing),
      budget: { of: "ratio", atLeast: 0.5 },
    },
    {
      name: `${protocol}: commits`,
      value: measured.commits,
      unit: "a second",
      ratio: measured.commits / measured.row,
      against: against("a call that writes one row", measured.row),
      budget: { of: "ratio", atLeast: 0.5 },
    },
    {
      name: `${protocol}: rows`,
      value: await rowsPer("heartbeats"),
      unit: "a heartbeat",
      budget: { of: "value", atMost: alarmRows },
    },
    {
      name: `${protocol}: rows`,
      value: await rowsPer("commits"),
      unit: "a commit",
      budget: { of: "value", atMost: 1 + alarmRows },
    },
  ];
}

async function balance(miniflare: Miniflare, protocol: GroupProtocol, members: number, repetitions: number): Promise<Row[]> {
  const times: number[] = [];
  const rows: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const group = `balance-${protocol}-${members}-${repetition}`;
    times.push((await ask(miniflare, { operation: "balance", group, protocol, members })).ms);
    rows.push((await ask(miniflare, { operation: "rows", group })).value);
  }
  const name = `${protocol}: ${members} new members balanced`;
  return [
    { name, value: median(times), unit: "ms", budget: { of: "value", atMost: balanceMsMax[members]! } },
    { name, value: median(rows), unit: "rows" },
  ];
}

async function ask(miniflare: Miniflare, request: GroupRun): Promise<{ readonly value: number; readonly ms: number }> {
  const start = performance.now();
  const response = await miniflare.dispatchFetch("http://bench/", { method: "POST", body: JSON.stringify(request) });
  const text = await response.text();
  const ms = performance.now() - start;
  if (!response.ok) throw new Error(`${request.operation}: ${text}`);
  return { value: Number(text), ms };
}

async function startWorker(folder: string): Promise<Miniflare> {
  const contents = await bundleForWorkerd("bench/workerd/group-worker.ts");
  const kernel = readFileSync(join(import.meta.dirname, "../dist/kernel.wasm"));
  const durableObject = (className: string) => ({ className, useSQLite: true });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [
        { type: "ESModule", path: "group-worker.js", contents },
        { type: "CompiledWasm", path: "kernel.wasm", contents: kernel },
      ],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      resourcePersistencePath: join(folder, "state"),
      r2Buckets: ["BUCKET"],
      durableObjects: {
        DRIVER: durableObject("Driver"),
        BARE: durableObject("Bare"),
        GROUP: durableObject("Group"),
        CONTROLLER: durableObject("Controller"),
        LEADER: durableObject("Leader"),
      },
      bindings: { SETTINGS: { "group.initial.rebalance.delay.ms": 0, "log.level": "error" } },
    }),
  );
  await miniflare.ready;
  return miniflare;
}
