/**
 * As much of Vitest as the client's contract uses, to run it where Vitest cannot: in a browser's tab, in Deno, in Bun. It stands in for
 * the module of that name when the contract is bundled; what is expected is judged by Vitest's own matchers.
 */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend, chai, customMatchers } from "@vitest/expect";

export interface Outcome {
  readonly name: string;
  /** Undefined: passed. */
  readonly failure: string | undefined;
}

interface Case {
  readonly name: string;
  readonly timeoutMs: number;
  readonly run: (context: { readonly expect: typeof expect }) => Promise<void>;
}

type Body = (context: { readonly expect: typeof expect }) => Promise<void>;

const timeoutMsDefault = 60_000;
/** As many at once as Vitest runs. */
const lanes = 5;
const cases: Case[] = [];
const suites: string[] = [];

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
const expect = Object.assign((value: unknown, message?: string) => chai.expect(value, message), chai.expect);
(chai.expect as unknown as { extend(expect: unknown, matchers: object): void }).extend(chai.expect, customMatchers);

function filled(title: string, first: unknown): string {
  return title.replace("%s", String(first));
}

export function test(name: string, ...rest: readonly [Body] | readonly [{ readonly timeout: number }, Body]): void {
  const [options, run] = rest.length === 1 ? [undefined, rest[0]] : rest;
  cases.push({ name: [...suites, name].join(" > "), timeoutMs: options?.timeout ?? timeoutMsDefault, run });
}

test.for = <Row>(rows: readonly Row[]) => {
  return (title: string, run: (row: Row, context: { readonly expect: typeof expect }) => Promise<void>): void => {
    for (const row of rows) test(filled(title, row), async (context) => await run(row, context));
  };
};

export function describe(name: string, suite: () => void): void {
  suites.push(name);
  suite();
  suites.pop();
}

describe.concurrent = Object.assign((name: string, suite: () => void): void => describe(name, suite), {
  each: <Row extends readonly unknown[]>(rows: readonly Row[]) => {
    return (title: string, suite: (...row: Row) => void): void => {
      for (const row of rows) describe(filled(title, row[0]), () => suite(...row));
    };
  },
});

async function outcomeOf({ name, timeoutMs, run }: Case): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([run({ expect }), late]);
    return { name, failure: undefined };
  } catch (error) {
    return { name, failure: error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs what was declared so far. */
export async function runAll(): Promise<Outcome[]> {
  const waiting = cases.splice(0);
  const outcomes: Outcome[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) outcomes.push(await outcomeOf(next));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}
