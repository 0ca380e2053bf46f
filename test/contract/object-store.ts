/**
 * What every ObjectStore does, whatever lies behind it. The cases never need an empty store: each works below a folder of its
 * own, so a store that is slow to make (a real workerd) may be shared by all of them.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operatingErrorKind } from "../../core/operating-error.ts";
import type { ObjectStore } from "../../storage/object-store.ts";

export interface StoreUnderTest {
  readonly store: ObjectStore;
  close?(): Promise<void>;
}

const slowMs = 120_000;
let folders = 0;

export function objectStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`ObjectStore: ${name}`, () => {
    let opened: StoreUnderTest;
    let store: ObjectStore;
    let folder = "";
    const begin = (): string => (folder = `case-${folders++}/`);

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    }, slowMs);
    afterAll(async () => opened?.close?.(), slowMs);

    describe("put and get", () => {
      test.each([0, 1, 5, 65_537, 8 * 1024 * 1024])("%i bytes come back as they were put", { timeout: slowMs }, async (size) => {
        const key = `${begin()}object`;
        const bytes = pattern(size);
        await store.put(key, bytes);
        expectBytes(await store.get(key), bytes);
      });

      test("a missing object is undefined, and so is any range of it", async () => {
        const key = `${begin()}missing`;
        expect(await store.get(key)).toBeUndefined();
        expect(await store.get(key, { start: 0, length: 10 })).toBeUndefined();
        expect(await store.get(key, { start: 5, length: 0 })).toBeUndefined();
      });

      test("a view of a larger buffer writes only the view", async () => {
        const key = `${begin()}view`;
        const buffer = pattern(1000);
        await store.put(key, buffer.subarray(100, 300));
        await store.putIfAbsent(`${key}2`, buffer.subarray(300, 307));
        expectBytes(await store.get(key), buffer.slice(100, 300));
        expectBytes(await store.get(`${key}2`), buffer.slice(300, 307));
      });

      test("the bytes belong to the caller again after the put, and those of a get from the start", async () => {
        const key = `${begin()}owned`;
        const bytes = pattern(64);
        await store.put(key, bytes);
        const original = bytes.slice();
        bytes.fill(0);
        const first = await store.get(key);
        expectBytes(first, original);
        first?.fill(0xff);
        (await store.get(key, { start: 8, length: 8 }))?.fill(0xee);
        expectBytes(await store.get(key), original);
      });

      test("a put may be repeated", async () => {
        const key = `${begin()}again`;
        await store.put(key, pattern(100));
        await store.put(key, pattern(100));
        expectBytes(await store.get(key), pattern(100));
      });

      test("a reader sees the whole object or none while it is put", { timeout: slowMs }, async () => {
        const key = `${begin()}growing`;
        const bytes = pattern(6 * 1024 * 1024);
        const put = { done: false };
        const settled = store.put(key, bytes).finally(() => (put.done = true));
        while (!put.done) {
          const seen = await store.get(key, { start: 0, length: bytes.byteLength });
          expect([undefined, bytes.byteLength]).toContain(seen?.byteLength);
        }
        await settled;
        expectBytes(await store.get(key), bytes);
      });
    });

    describe("putStream", () => {
      async function* inChunks(bytes: Uint8Array, chunkBytes: number, end = bytes.length): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < end; at += chunkBytes) yield bytes.subarray(at, Math.min(at + chunkBytes, end));
        if (end < bytes.length) throw new Error("the source broke");
      }

      test.each([0, 10, 1_000_000, 16 * 1024 * 1024, 25_000_001])(
        "%i bytes come back as they came, in whatever chunks",
        { timeout: slowMs },
        async (size) => {
          const key = `${begin()}stream`;
          const bytes = pattern(size);
          await store.putStream(key, size, inChunks(bytes, 3_333_333));
          expectBytes(await store.get(key), bytes);
          expect((await store.list(folder)).objects).toMatchObject([{ key, size }]);
        },
      );

      test.each([0, 10, 8 * 1024 * 1024, 16 * 1024 * 1024, 25_000_001])(
        "%i bytes of which nobody knows how many there are",
        { timeout: slowMs },
        async (size) => {
          const key = `${begin()}grown`;
          const bytes = pattern(size);
          await store.putStream(key, undefined, inChunks(bytes, 3_333_333));
          expectBytes(await store.get(key), bytes);
          expect((await store.list(folder)).objects).toMatchObject([{ key, size }]);
          await expect(store.putStream(`${key}-broken`, undefined, inChunks(bytes, 1_000_000, size - 1))).rejects.toThrow(
            "the source broke",
          );
          expect(await store.get(`${key}-broken`, { start: 0, length: 1 })).toBeUndefined();
        },
      );

      test.each([100, 20_000_000])(
        "[I8] what breaks off after half of %i bytes is told, and the same may be put again",
        { timeout: slowMs },
        async (size) => {
          const key = `${begin()}broken`;
          const bytes = pattern(size);
          await expect(store.putStream(key, size, inChunks(bytes, 1_000_000, size / 2))).rejects.toThrow("the source broke");
          expect(await store.get(key, { start: 0, length: 1 })).toBeUndefined();
          await store.putStream(key, size, inChunks(bytes, 1_000_000));
          expectBytes(await store.get(key), bytes);
        },
      );

      test.each([
        [100, 99],
        [100, 101],
        [20_000_000, 19_999_999],
        [20_000_000, 20_000_001],
      ])("%i bytes are announced and %i come: invalid", { timeout: slowMs }, async (announced, come) => {
        const key = `${begin()}length`;
        const put = store.putStream(key, announced, inChunks(pattern(come), 4_000_000));
        expect(await put.catch(operatingErrorKind)).toBe("invalid");
        expect(await store.get(key, { start: 0, length: 1 })).toBeUndefined();
      });
    });

    describe("putIfAbsent", () => {
      test("answers false and changes nothing where an object is", async () => {
        const key = `${begin()}once`;
        expect(await store.putIfAbsent(key, pattern(10))).toBe(true);
        expect(await store.putIfAbsent(key, pattern(20))).toBe(false);
        expectBytes(await store.get(key), pattern(10));
        await store.delete([key]);
        expect(await store.putIfAbsent(key, pattern(30))).toBe(true);
      });

      test("lets one of many at once through", async () => {
        const key = `${begin()}race`;
        const answers = await Promise.all([1, 2, 3, 4].map((size) => store.putIfAbsent(key, pattern(size))));
        expect(answers.filter(Boolean)).toHaveLength(1);
        expectBytes(await store.get(key), pattern(answers.indexOf(true) + 1));
      });
    });

    describe("ranges of an object of 100 bytes", () => {
      test.each([
        { start: 0, length: 100, expected: [0, 100] },
        { start: 0, length: 1, expected: [0, 1] },
        { start: 99, length: 1, expected: [99, 100] },
        { start: 10, length: 20, expected: [10, 30] },
        { start: 90, length: 20, expected: [90, 100] },
        { start: 0, length: 1_000_000, expected: [0, 100] },
        { start: 100, length: 1, expected: [0, 0] },
        { start: 5000, length: 10, expected: [0, 0] },
        { start: 10, length: 0, expected: [0, 0] },
        { start: 100, length: 0, expected: [0, 0] },
      ])("from $start, $length bytes", async ({ start, length, expected }) => {
        const key = `${begin()}ranged`;
        await store.put(key, pattern(100));
        expectBytes(await store.get(key, { start, length }), pattern(100).slice(expected[0], expected[1]));
      });

      test("an empty object has only empty ranges", async () => {
        const key = `${begin()}empty`;
        await store.put(key, new Uint8Array(0));
        expectBytes(await store.get(key, { start: 0, length: 1 }), new Uint8Array(0));
        expectBytes(await store.get(key, { start: 3, length: 0 }), new Uint8Array(0));
      });
    });

    describe("list", () => {
      const awkward = [
        "a-b",
        "a-b/x",
        "a.b",
        "a/b",
        "a/b-c",
        "a/c/d/e",
        "a/c/d0",
        "a0",
        "a_",
        "aa",
        "b",
        "c/0",
        "c/00",
        "c/1/1",
        "c/1-",
      ];
      // "a-b" would be an object and a folder at once, which no store has to keep.
      const keys = awkward.filter((key) => key !== "a-b").toSorted();

      test("goes through whole keys in order, from any position, with any prefix", { timeout: slowMs }, async () => {
        begin();
        await putAll(
          store,
          keys.map((key) => folder + key),
        );
        for (const prefix of ["", "a", "a/", "a/b", "a/c/", "a/c/d", "c", "c/0", "d", "a-"]) {
          expect(await listed(store, folder, prefix), prefix).toEqual(keys.filter((key) => key.startsWith(prefix)));
        }
        for (const startAfter of [...keys, "a", "a/", "a/c", "a/c/d/", "a~", "c/1", "0", "zzz"].filter(
          (key) => !key.includes("~"),
        )) {
          expect(await listed(store, folder, "", startAfter), startAfter).toEqual(keys.filter((key) => key > startAfter));
          expect(await listed(store, folder, "a/", startAfter), startAfter).toEqual(
            keys.filter((key) => key > startAfter && key.startsWith("a/")),
          );
        }
      });

      test("tells sizes, and where to go on", { timeout: slowMs }, async () => {
        begin();
        for (const [size, key] of keys.entries()) await store.put(folder + key, pattern(size));
        for (const limit of [1, 3, keys.length - 1, keys.length, keys.length + 1]) {
          const seen: unknown[] = [];
          let next: string | undefined;
          do {
            const page = await store.list(folder, { limit, startAfter: next });
            expect(page.objects.length).toBe(Math.min(limit, keys.length - seen.length));
            seen.push(...page.objects.map(({ key, size }) => ({ key, size })));
            next = page.next;
          } while (next !== undefined);
          expect(seen).toEqual(keys.map((key, size) => ({ key: folder + key, size })));
        }
      });

      test("tells when an object was written, by a clock that ours is near to", async () => {
        begin();
        const before = Date.now();
        await store.put(`${folder}now`, pattern(3));
        const [object] = (await store.list(folder)).objects;
        // Some stores count whole seconds; ages are asked for in days.
        expect(object!.writtenMs).toBeGreaterThan(before - 60_000);
        expect(object!.writtenMs).toBeLessThan(Date.now() + 60_000);
      });

      test("finds nothing below a prefix that nothing has", async () => {
        expect(await store.list(`${begin()}nothing/here`)).toEqual({ objects: [], next: undefined });
      });

      test("agrees with a sorted array for any keys", { timeout: slowMs }, async () => {
        const key = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "-", ".", "0", "_"), minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 3,
        });
        const keyText = key.map((segments) => segments.map((segment) => segment.replace(/^[.-]/, "z")).join("/"));
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(keyText, { minLength: 1, maxLength: 12 }),
            keyText,
            keyText,
            async (drawn, prefix, startAfter) => {
              begin();
              const keys = drawn.filter((key) => !drawn.some((other) => other.startsWith(`${key}/`))).toSorted();
              await putAll(
                store,
                keys.map((key) => folder + key),
              );
              for (const cut of [prefix, prefix.slice(0, 1), ""]) {
                const expected = keys.filter((key) => key.startsWith(cut) && key > startAfter);
                expect(await listed(store, folder, cut, startAfter)).toEqual(expected);
              }
            },
          ),
          { numRuns: 20 },
        );
      });
    });

    describe("delete", () => {
      test("takes existing and missing keys alike, and none", async () => {
        begin();
        await putAll(store, [`${folder}a`, `${folder}b`, `${folder}c`]);
        await store.delete([`${folder}a`, `${folder}nothing`, `${folder}b`, `${folder}b/below`]);
        await store.delete([`${folder}a`]);
        await store.delete([]);
        expect(await listed(store, folder, "")).toEqual(["c"]);
        expect(await store.get(`${folder}a`)).toBeUndefined();
      });

      test("lists and deletes more than a thousand", { timeout: slowMs }, async () => {
        begin();
        const keys = Array.from({ length: 1003 }, (_, index) => `${folder}${index % 10}/${String(index).padStart(5, "0")}`);
        await putAll(store, keys);
        const first = await store.list(folder);
        expect(first.objects).toHaveLength(1000);
        const rest = await store.list(folder, { startAfter: first.next });
        expect([...first.objects, ...rest.objects].map(({ key }) => key)).toEqual(keys.toSorted());
        await store.delete(keys);
        expect(await store.list(folder)).toEqual({ objects: [], next: undefined });
      });
    });

    test("the folder of an object is no object: not to get, not to delete", async () => {
      const key = `${begin()}down/below/object`;
      await store.put(key, pattern(3));
      expect(await store.get(`${folder}down`)).toBeUndefined();
      expect(await store.get(`${folder}down/below`, { start: 0, length: 2 })).toBeUndefined();
      expect(await store.get(`${folder}down/below`, { start: 0, length: 0 })).toBeUndefined();
      await store.delete([`${folder}down`, `${folder}down/below`]);
      expectBytes(await store.get(key), pattern(3));
    });

    describe("refusals are `invalid` and say why", () => {
      const oddKeys = [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        ".hidden",
        "a/.b",
        "-a",
        "Ab",
        "a b",
        "ä",
        "a?b",
        "a#b",
        "a%41",
        "a\\b",
        "a:b",
        "a\0b",
        "x".repeat(201),
        `${"x/".repeat(600)}x`,
      ];
      test.each(oddKeys.map((key) => ({ key, shown: JSON.stringify(key.slice(0, 20)) })))("key $shown", async ({ key }) => {
        await expectInvalid(() => store.put(key, pattern(1)));
        await expectInvalid(() => store.putIfAbsent(key, pattern(1)));
        await expectInvalid(() => store.get(key));
        await expectInvalid(() => store.delete(["good", key]));
      });

      test.each([
        { start: -1, length: 1 },
        { start: 0, length: -1 },
        { start: 0.5, length: 1 },
        { start: 0, length: 2 ** 53 },
      ])("range $start, $length", async (range) => {
        await expectInvalid(() => store.get("range", range));
      });

      test.each([0, -1, 1001, 1.5])("list limit %d", async (limit) => {
        await expectInvalid(() => store.list("", { limit }));
      });

      test.each(["A", "a b", "a?"])("list prefix %j", async (prefix) => {
        await expectInvalid(() => store.list(prefix));
      });
    });
  });
}

/** Bytes that differ at every position of a 64 KiB write and between sizes. */
function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >>> 8) + size) & 0xff;
  return bytes;
}

/** Not by toEqual, which would take seconds and pages of output for megabytes. */
function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  expect(actual?.byteLength).toBe(expected.byteLength);
  expect(Buffer.compare(actual!, expected)).toBe(0);
}

async function expectInvalid(work: () => Promise<unknown>): Promise<void> {
  // Refusals may be thrown at once or come as rejections.
  const error: unknown = await (async () => work())().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(operatingErrorKind(error), String(error)).toBe("invalid");
  expect((error as Error).message.length).toBeGreaterThan(20);
}

async function putAll(store: ObjectStore, keys: readonly string[]): Promise<void> {
  const left = [...keys];
  const lane = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) await store.put(key, pattern(1));
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

/** Keys relative to the folder. */
async function listed(store: ObjectStore, folder: string, prefix: string, startAfter?: string): Promise<string[]> {
  const page = await store.list(folder + prefix, startAfter === undefined ? undefined : { startAfter: folder + startAfter });
  expect(page.next).toBeUndefined();
  return page.objects.map(({ key }) => key.slice(folder.length));
}
