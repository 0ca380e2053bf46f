/** `kante inspect`: what people and scripts get to see of an object, by text, JSON and exit code. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeWalObject } from "../../core/wal/format.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";
import { run } from "../../scripts/inspect.ts";
import { makePart } from "./wal-samples.ts";

const folder = mkdtempSync(join(tmpdir(), "kante-inspect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const topicId = "0a000000-0000-4000-8000-000000000001";
const batch = { body: new Uint8Array(20), count: 4, maxTimestamp: Date.UTC(2026, 0, 2) };
const object = encodeWalObject(
  { brokerId: 7, brokerEpoch: 3, sequence: 42 },
  [
    makePart({ cell: 1, topicId, partition: 0, batches: [batch, batch] }),
    makePart({ cell: 1, topicId, partition: 9, batches: [{ ...batch, maxTimestamp: -1 }] }),
  ],
  crc32c,
);

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  const print = (text: string): void => void printed.push(text);
  vi.spyOn(console, "log").mockImplementation(print);
  vi.spyOn(console, "error").mockImplementation(print);
});
afterEach(() => vi.restoreAllMocks());

async function inspect(bytes: Uint8Array, ...flags: string[]): Promise<{ code: number; text: string }> {
  const file = join(folder, "object");
  writeFileSync(file, bytes);
  const code = await run([file, ...flags]);
  return { code, text: printed.join("\n") };
}

describe("[D9] inspect", () => {
  test("a whole object: identity, extents, verdict, exit code 0", async () => {
    const { code, text } = await inspect(object);
    expect(code).toBe(0);
    expect(text).toContain("broker 7 in epoch 3 as number 42");
    expect(text).toContain(`cell 1 topic ${topicId} partition 0: 162 bytes at 0, 2 batches until 2026-01-02T00:00:00.000Z`);
    expect(text).toContain("partition 9: 81 bytes at 162, 1 batches until no time");
    expect(text).toContain("verdict: whole");
  });

  test("--batches lists every batch", async () => {
    const { text } = await inspect(object, "--batches");
    expect(text.match(/81 bytes, 4 records/g)).toHaveLength(3);
  });

  test("--json says the same to scripts", async () => {
    const { code, text } = await inspect(object, "--json", "--batches");
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      verdict: "whole",
      damage: [],
      footer: {
        identity: { brokerId: 7, brokerEpoch: 3, sequence: 42 },
        extents: [{ cell: 1, topicId, byteStart: 0 }, { partition: 9 }],
      },
      batches: [[{ position: 0 }, { position: 81 }], [{ position: 162 }]],
    });
  });

  test("a damaged body: the batch's place, exit code 1", async () => {
    const damaged = object.slice();
    damaged[100]! ^= 1;
    const { code, text } = await inspect(damaged, "--batches");
    expect(code).toBe(1);
    expect(text).toContain("verdict: damaged");
    expect(text).toMatch(/at 81, batch-crc: .*\/0: the batch at 81 has CRC-32C/);
  });

  test("a truncated object: the reason, and what can be salvaged", async () => {
    const { code, text } = await inspect(object.subarray(0, 200));
    expect(code).toBe(1);
    expect(text).toContain("at 192, magic:");
    expect(text).toContain("salvage: 2 good batches with 8 records");
    expect(text).toContain("at 162: 38 bytes that are no batch");
  });

  test.each([[[]], [["a", "b"]], [["--wrong", "a"]], [[join(folder, "missing")]], [[folder]]])(
    "%j gets a message and exit code 2",
    async (argv) => {
      expect(await run(argv)).toBe(2);
      expect(printed.join("\n")).toMatch(/usage: kante inspect|ENOENT|EISDIR/);
    },
  );

  test("--help is no error", async () => {
    expect(await run(["--help"])).toBe(0);
    expect(printed.join("\n")).toContain("usage: kante inspect <file>");
  });
});
