/** The sweep after a start: it takes what a killed put left, and nothing else. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTornWrites } from "../../scripts/torn-writes.ts";

test("half-written files go, at any depth; objects and other files stay", () => {
  const folder = mkdtempSync(join(tmpdir(), "kante-torn-"));
  try {
    const torn = [".17.7580.0.tmp", "c/wal/0/1/.42.99.12.tmp"];
    const living = 4242;
    const kept = ["c/wal/0/1/42", "c/a.7580.0.tmp", ".keep", "c/.hidden.tmp", `c/wal/0/1/.43.${living}.0.tmp`];
    mkdirSync(join(folder, "c/wal/0/1"), { recursive: true });
    for (const name of [...torn, ...kept]) writeFileSync(join(folder, name), "x");
    expect(removeTornWrites(folder, living)).toBe(2);
    expect(torn.filter((name) => existsSync(join(folder, name)))).toEqual([]);
    expect(kept.filter((name) => existsSync(join(folder, name)))).toEqual(kept);
    expect(removeTornWrites(folder, undefined)).toBe(1);
    expect(removeTornWrites(join(folder, "missing"), living)).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
