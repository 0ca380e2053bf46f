/** What is read and what is shown of it: the filter's words, room on the shelf, pages that run past nothing. */
import { describe, expect, test } from "vitest";
import { type FilterField, recordFilter } from "../../console/lib/record-filter.ts";
import { RecordShelf, type ShownRecord } from "../../console/lib/record-shelf.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function record(offset: number, value = `value ${offset}`): ShownRecord {
  return { topic: "t", partition: 0, offset, timestamp: 0, key: encode(`key-${offset}`), value: encode(value), headers: [] };
}

describe("a filter", () => {
  const one = { key: encode("Customer-7"), value: encode('{"city":"Oslo"}'), headers: [{ key: "trace", value: encode("ABC") }] };

  test.each<[text: string, field: FilterField, passes: boolean]>([
    ["", "any", true],
    ["oslo", "any", true],
    ["OSLO customer", "any", true],
    ["oslo", "key", false],
    ["customer", "key", true],
    ["abc", "header", true],
    ['"trace: abc"', "header", true],
    ["abc", "value", false],
    ["-oslo", "any", false],
    ["-lisbon oslo", "any", true],
    ['"city oslo"', "value", false],
  ])("%j in %s: %s", (text, field, passes) => {
    expect(recordFilter(text, field)(one)).toBe(passes);
  });

  test("finds nothing in a record of nothing", () => {
    expect(recordFilter("x", "any")({ key: null, value: null, headers: [{ key: "h", value: null }] })).toBe(false);
  });
});

describe("the shelf at the newest end", () => {
  test("has the newest first, and lets the old ones go", () => {
    const shelf = new RecordShelf(false);
    for (let first = 0; first < 1200; first += 100)
      expect(
        shelf.put(
          Array.from({ length: 100 }, (_, index) => record(first + index)),
          () => true,
        ),
      ).toEqual([]);
    expect(shelf.records).toHaveLength(200);
    expect([shelf.records[0]?.offset, shelf.records.at(-1)?.offset]).toEqual([1199, 1000]);
    expect(shelf.read).toBe(1200);
  });

  test("holds no more bytes than it may, but the last record whatever its size", () => {
    const shelf = new RecordShelf(false);
    const big = (offset: number) => ({ ...record(offset), value: new Uint8Array(20 * 1024 * 1024) });
    shelf.put([big(0)], () => true);
    shelf.put([big(1)], () => true);
    expect(shelf.records.map(({ offset }) => offset)).toEqual([1]);
  });

  test("keeps bytes of its own", () => {
    const fetched = encode("before");
    const shelf = new RecordShelf(false);
    shelf.put([{ ...record(0), value: fetched }], () => true);
    fetched.fill(0);
    expect(new TextDecoder().decode(shelf.records[0]!.value!)).toBe("before");
  });
});

describe("a page", () => {
  test("takes what passes until it is full, and gives the rest back for the next", () => {
    let shelf = new RecordShelf(true);
    const even = (each: { readonly key: Uint8Array | null }) => Number(new TextDecoder().decode(each.key!).slice(4)) % 2 === 0;
    const left = shelf.put(
      Array.from({ length: 500 }, (_, index) => record(index)),
      even,
    );
    expect(shelf.records.map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, index) => index * 2));
    expect(left[0]?.offset).toBe(400);
    expect([shelf.read, shelf.matched]).toEqual([400, 200]);
    shelf = shelf.next();
    expect(shelf.put(left, even)).toEqual([]);
    expect(shelf.records.map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, index) => 400 + index * 2));
    expect([shelf.read, shelf.matched]).toEqual([500, 250]);
  });
});
