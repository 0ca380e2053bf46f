/**
 * From what was counted to dollars: what it came to so far, and what a month of the same would. Levels (bytes that rest) cost per month
 * anyway; everything else is scaled from the time in which it was counted, object by object, since each counts from its own start.
 */
import { monthMs, prices, type Billed } from "./prices.ts";

export type Usage = Partial<Readonly<Record<Billed, number>>>;

export interface Counted {
  readonly usage: Usage;
  /** For how long it has been counting. */
  readonly elapsedMs: number;
}

export interface BillLine {
  readonly what: string;
  readonly count: number;
  readonly usd: number;
  readonly perMonth: number;
  readonly usdPerMonth: number;
}

export interface Bill {
  readonly lines: Partial<Readonly<Record<Billed, BillLine>>>;
  /** Without what rests, which is paid by the month. */
  readonly usd: number;
  readonly usdPerMonth: number;
}

/** A month is not made of a moment: what an object counted in less than this is taken as that of a minute. */
const elapsedMsMin = 60_000;

export function usdOf(billed: Billed, count: number): number {
  const { usd, per } = prices[billed];
  return (count * usd) / per;
}

export function isLevel(billed: Billed): boolean {
  return billed === "object-gb-months" || billed === "row-gb-months";
}

export function billOf(counted: readonly Counted[]): Bill {
  const counts = new Map<Billed, { count: number; perMonth: number }>();
  for (const { usage, elapsedMs } of counted) {
    for (const [name, count] of Object.entries(usage)) {
      const billed = name as Billed;
      const sum = counts.get(billed) ?? { count: 0, perMonth: 0 };
      sum.count += count;
      sum.perMonth += isLevel(billed) ? count : (count * monthMs) / Math.max(elapsedMs, elapsedMsMin);
      counts.set(billed, sum);
    }
  }
  const lines: Partial<Record<Billed, BillLine>> = {};
  let usd = 0;
  let usdPerMonth = 0;
  for (const [billed, { count, perMonth }] of counts) {
    const line = {
      what: prices[billed].what,
      count,
      usd: isLevel(billed) ? 0 : usdOf(billed, count),
      perMonth,
      usdPerMonth: usdOf(billed, perMonth),
    };
    lines[billed] = line;
    usd += line.usd;
    usdPerMonth += line.usdPerMonth;
  }
  return { lines, usd, usdPerMonth };
}
