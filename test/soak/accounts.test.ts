/** A soak that finds nothing is worth something only if its accounts find what is wrong: each fault planted once. */
import { describe, expect, test } from "vitest";
import { Accounts, type Fault } from "./accounts.ts";
import { slopeOf } from "./weights.ts";

/** Ten values that are acknowledged at their offsets, and read along. */
function ordinary(
  but: (accounts: Accounts, ids: readonly number[]) => void = () => {},
  read = (_offset: number) => true,
): Accounts {
  const accounts = new Accounts();
  const ids = Array.from({ length: 10 }, () => accounts.send(1000));
  for (const [offset, id] of ids.entries()) {
    accounts.acknowledge("t/0", offset, id);
    if (!read(offset)) continue;
    accounts.find("t/0", offset, id, true);
    accounts.follow("t/0", offset, id);
  }
  accounts.followedTo("t/0", 10);
  but(accounts, ids);
  accounts.settle();
  return accounts;
}

function found({ faults }: Accounts): Partial<Record<Fault, number>> {
  return Object.fromEntries(Object.entries(faults).filter(([, count]) => count > 0));
}

test("nothing wrong, nothing found", () => {
  const accounts = ordinary();
  expect(found(accounts)).toEqual({});
  expect(accounts).toMatchObject({ sent: 10, acknowledged: 10, read: 10 });
  expect(accounts.isFollowed()).toBe(true);
});

describe("what is wrong is found and named", () => {
  test.each<[string, Partial<Record<Fault, number>>, Accounts]>([
    ["an acknowledged value that the follower never got", { lost: 1 }, ordinary(undefined, (offset) => offset !== 4)],
    ["another value at an offset than was told", { changed: 1 }, ordinary((accounts, ids) => accounts.follow("t/0", 3, ids[4]!))],
    ["an offset that reads otherwise the second time", { changed: 1 }, ordinary((accounts) => accounts.find("t/0", 3, 99, false))],
    ["a value at two offsets", { doubled: 1 }, ordinary((accounts, ids) => accounts.find("t/0", 10, ids[0]!, false))],
    ["a value at two partitions", { doubled: 1 }, ordinary((accounts, ids) => accounts.find("t/1", 0, ids[0]!, false))],
    ["an offset that an answer left out", { "left out": 1 }, ordinary((accounts) => accounts.gap("t/0", 5, 6))],
    ["an aborted value, read before the abort", { "aborted but shown": 1 }, ordinary((accounts, ids) => accounts.abort([ids[2]!]))],
    [
      "an aborted value, read after it",
      { "aborted but shown": 1 },
      ordinary((accounts) => {
        const id = accounts.send(1000);
        accounts.abort([id]);
        accounts.find("t/0", 10, id, true);
      }),
    ],
    ["records that went before their time", { "gone too early": 2 }, ordinary((accounts) => accounts.skip("t/0", 0, 2, 1500, 600))],
  ])("%s", (_name, expected, accounts) => {
    expect(found(accounts)).toEqual(expected);
    expect(accounts.words).toHaveLength(Object.values(expected)[0]! > 1 ? 2 : 1);
  });
});

test("what retention took before the follower came is not lost", () => {
  const accounts = ordinary(
    (some) => some.skip("t/0", 0, 5, 2000, 600),
    (offset) => offset >= 5,
  );
  expect(found(accounts)).toEqual({});
  expect(accounts.skipped).toBe(5);
});

test("a reader who is not there yet has not followed", () => {
  expect(ordinary((accounts, ids) => accounts.acknowledge("t/0", 10, ids[0]!)).isFollowed()).toBe(false);
});

test("the line through samples", () => {
  const samples = (values: readonly number[]) => values.map((value, index) => ({ atMs: index * 10, value }));
  expect(slopeOf(samples([5, 5, 5, 5]))).toBe(0);
  expect(slopeOf(samples([0, 10, 20, 30]))).toBeCloseTo(1);
  expect(slopeOf(samples([0, 12, 18, 30]))).toBeCloseTo(0.96);
});
