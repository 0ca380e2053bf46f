/** A checker that has never found anything proves nothing: a history that is right, and one with each mistake that a rule is there for. */
import { describe, expect, test } from "vitest";
import { type Happening, type History, type Isolation, fromLines, lastReader, resultOf, toLines } from "./happening.ts";
import { judge, rules } from "./judge.ts";

type Without<Type, Key extends PropertyKey> = Type extends unknown ? Omit<Type, Key> : never;
type Told = Without<Happening, "at">;

const sent = (value: string, partition: string, transaction?: string): Told => ({
  kind: "sent",
  value,
  partition,
  stream: transaction === undefined ? "plain" : "transactional",
  ...(transaction === undefined ? {} : { transaction }),
});
const acknowledged = (value: string, offset: number): Told => ({ kind: "acknowledged", value, offset });
const ending = (transaction: string, commit: boolean): Told => ({ kind: "ending", transaction, commit });
const ended = (transaction: string, commit: boolean): Told => ({ kind: "ended", transaction, commit });
const moved = (transaction: string, offset: number): Told => ({
  kind: "moved",
  transaction,
  group: "g",
  partition: "in/0",
  offset,
});
const bounds = (reader: string, partition: string, stable: number, high: number): Told => ({
  kind: "bounds",
  reader,
  broker: 0,
  partition,
  stable,
  high,
});

/** Of each partition, from offset 0 on: a value, or what stands there instead of one. */
const logs: Readonly<Record<string, readonly string[]>> = {
  "a/0": ["p1", "p2", "t1a", "marker", "t2a", "marker"],
  "a/1": ["t1b", "marker", "t2b", "marker", "t3b", "marker"],
  "in/0": ["i1", "i2", "i3"],
  "out/0": [resultOf("g", "i1", "l1"), "marker", resultOf("g", "i2", "l2"), "marker", resultOf("g", "i2", "l3"), "marker"],
};
const aborted = new Set(["t2a", "t2b", resultOf("g", "i2", "l2")]);

function readAll(reader: string, isolation: Isolation): Told[] {
  return Object.entries(logs).flatMap(([partition, log]) => [
    ...log.map((value, offset): Told => {
      const isPassed = value === "marker" || (isolation === "read_committed" && aborted.has(value));
      if (isPassed) return { kind: "passed", reader, partition, offset, count: 1 };
      return { kind: "read", reader, isolation, partition, offset, value };
    }),
    bounds(reader, partition, log.length, log.length),
  ]);
}

const right: readonly Told[] = [
  sent("p1", "a/0"),
  acknowledged("p1", 0),
  sent("p2", "a/0"),
  acknowledged("p2", 1),
  sent("i1", "in/0"),
  acknowledged("i1", 0),
  sent("i2", "in/0"),
  acknowledged("i2", 1),
  sent("i3", "in/0"),
  acknowledged("i3", 2),
  sent("t1a", "a/0", "t1"),
  acknowledged("t1a", 2),
  sent("t1b", "a/1", "t1"),
  bounds("u", "a/0", 2, 3),
  acknowledged("t1b", 0),
  ending("t1", true),
  ended("t1", true),
  { kind: "fault", what: "killed" },
  sent("t2a", "a/0", "t2"),
  acknowledged("t2a", 4),
  { kind: "delivered", reader: "member", isolation: "read_committed", partition: "a/0", offset: 2, value: "t1a" },
  sent("t2b", "a/1", "t2"),
  acknowledged("t2b", 2),
  ending("t2", false),
  ended("t2", false),
  sent("t3b", "a/1", "t3"),
  acknowledged("t3b", 4),
  ending("t3", true),
  sent(resultOf("g", "i1", "l1"), "out/0", "l1"),
  acknowledged(resultOf("g", "i1", "l1"), 0),
  moved("l1", 1),
  ending("l1", true),
  ended("l1", true),
  sent(resultOf("g", "i2", "l2"), "out/0", "l2"),
  acknowledged(resultOf("g", "i2", "l2"), 2),
  moved("l2", 2),
  ending("l2", false),
  ended("l2", false),
  sent(resultOf("g", "i2", "l3"), "out/0", "l3"),
  acknowledged(resultOf("g", "i2", "l3"), 4),
  moved("l3", 2),
  ending("l3", true),
  ended("l3", true),
  bounds("u", "a/0", 6, 6),
  { kind: "delivered", reader: "member", isolation: "read_committed", partition: "a/0", offset: 2, value: "t1a" },
  ...readAll(lastReader.read_committed, "read_committed"),
  ...readAll(lastReader.read_uncommitted, "read_uncommitted"),
  { kind: "group-stands", group: "g", partition: "in/0", offset: 2 },
];

function historyOf(told: readonly Told[]): History {
  return told.map((happening, at) => ({ at, ...happening }));
}

function broken(told: readonly Told[]): string[] {
  return Array.from(judge(historyOf(told))).flatMap(([name, wrong]) => (wrong.length === 0 ? [] : [name]));
}

const isLast = (happening: Told): boolean =>
  (happening.kind === "read" || happening.kind === "passed") && Object.values(lastReader).includes(happening.reader);

/** The last readers find something else at a place; nothing at all when there is nothing else. */
function lastFind(partition: string, offset: number, value: string | undefined, only?: Isolation): readonly Told[] {
  return right.flatMap((happening): readonly Told[] => {
    if (!isLast(happening) || (happening.kind !== "read" && happening.kind !== "passed")) return [happening];
    if (happening.partition !== partition || happening.offset !== offset) return [happening];
    if (only !== undefined && happening.reader !== lastReader[only]) return [happening];
    const { reader } = happening;
    if (value === undefined) return [{ kind: "passed", reader, partition, offset, count: 1 }];
    const isolation: Isolation = reader === lastReader.read_committed ? "read_committed" : "read_uncommitted";
    return [{ kind: "read", reader, isolation, partition, offset, value }];
  });
}

function before(place: (happening: Told) => boolean, ...more: readonly Told[]): readonly Told[] {
  const at = right.findIndex(place);
  expect(at).toBeGreaterThan(-1);
  return right.toSpliced(at, 0, ...more);
}

function change(place: (happening: Told) => boolean, changes: object): readonly Told[] {
  const at = right.findIndex(place);
  expect(at).toBeGreaterThan(-1);
  return right.with(at, { ...right[at]!, ...changes });
}

const early = { reader: "early", isolation: "read_committed" } as const;
const endOf = (transaction: string) => (happening: Told) => happening.kind === "ending" && happening.transaction === transaction;
const boundsOf = (reader: string) => (happening: Told) => happening.kind === "bounds" && happening.reader === reader;

const plants: readonly (readonly [what: string, rule: string, told: readonly Told[]])[] = [
  ["an acknowledged record is lost", "acknowledged-survives", lastFind("a/0", 1, undefined)],
  ["an acknowledged record is hidden", "acknowledged-survives", lastFind("a/0", 1, undefined, "read_committed")],
  ["a record stands elsewhere than was told", "acknowledged-survives", change((one) => one.kind === "acknowledged", { offset: 9 })],
  ["a record of an aborted transaction is lost", "acknowledged-survives", lastFind("a/0", 4, undefined)],
  ["a record stands twice", "nothing-twice", lastFind("a/0", 3, "p1")],
  ["a value comes from nowhere", "nothing-invented", lastFind("a/0", 3, "nobody's")],
  ["a value is in the wrong partition", "nothing-invented", lastFind("a/0", 3, "i3", "read_uncommitted")],
  [
    "a member of a group is given a record of an aborted transaction",
    "aborted-invisible",
    before(boundsOf(lastReader.read_committed), { kind: "delivered", ...early, partition: "a/0", offset: 4, value: "t2a" }),
  ],
  [
    "a record is read of a transaction that nobody ended",
    "aborted-invisible",
    right.filter((one) => one.kind !== "ended" || one.transaction !== "t1").filter((one) => !endOf("t1")(one)),
  ],
  [
    "a record is read before its transaction is decided",
    "undecided-invisible",
    before(endOf("t1"), { kind: "delivered", ...early, partition: "a/0", offset: 2, value: "t1a" }),
  ],
  ["a committed transaction is seen by halves", "transactions-whole", lastFind("a/1", 0, undefined, "read_committed")],
  [
    "a transaction in doubt is seen by halves",
    "transactions-whole",
    lastFind("a/1", 0, undefined, "read_committed").filter((one) => one.kind !== "ended" || one.transaction !== "t1"),
  ],
  ["an aborted transaction is seen by halves", "transactions-whole", lastFind("a/0", 4, "t2a", "read_committed")],
  ["the group moved without its record", "processed-once", change((one) => one.kind === "group-stands", { offset: 3 })],
  ["the record came without the group's move", "processed-once", change((one) => one.kind === "group-stands", { offset: 1 })],
  ["a record is processed twice", "processed-once", lastFind("out/0", 2, resultOf("g", "i2", "l2"), "read_committed")],
  ["two readers read two values at an offset", "one-value-per-offset", lastFind("a/0", 1, "p1", "read_committed")],
  [
    "a reader reads what its producer was told of another offset",
    "one-value-per-offset",
    before(boundsOf(lastReader.read_committed), { kind: "delivered", ...early, partition: "a/0", offset: 0, value: "p2" }),
  ],
  ["an offset is left out", "offsets-in-sequence", right.filter((one) => one.kind !== "passed" || one.offset !== 3)],
  [
    "an offset comes again",
    "offsets-in-sequence",
    before(boundsOf(lastReader.read_committed), {
      kind: "passed",
      reader: lastReader.read_committed,
      partition: "a/0",
      offset: 5,
      count: 1,
    }),
  ],
  ["the last stable offset goes back", "bounds-never-go-back", change(boundsOf("u"), { stable: 7, high: 7 })],
  ["the last stable offset is beyond the log", "bounds-never-go-back", change(boundsOf("u"), { stable: 4, high: 3 })],
  ["a producer's records change places", "producer-order", swapped("p1", "p2")],
  ["a partition never gets stable", "comes-to-rest", change(boundsOf(lastReader.read_uncommitted), { stable: 5 })],
  ["a request is never answered", "comes-to-rest", [...right, { kind: "stuck", what: "a commit is never answered" }]],
];

/** Both stand where the other ought to, and so their producer was told. */
function swapped(one: string, other: string): readonly Told[] {
  const partner = new Map([
    [one, other],
    [other, one],
  ]);
  return right.map((happening): Told => {
    if (happening.kind !== "read" && happening.kind !== "acknowledged") return happening;
    return { ...happening, value: partner.get(happening.value) ?? happening.value };
  });
}

describe("the history checker", () => {
  test("finds nothing wrong with a history that is right, also when it was kept in between", () => {
    expect(broken(right)).toEqual([]);
    const history = historyOf(right);
    expect(fromLines(toLines(history))).toEqual(history);
  });

  test.each(plants)("finds that %s: %s", (_what, rule, told) => {
    expect(broken(told)).toContain(rule);
  });

  test("has a planted history for every rule", () => {
    expect(new Set(plants.map(([, rule]) => rule))).toEqual(new Set(Object.keys(rules)));
  });
});
