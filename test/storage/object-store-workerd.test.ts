/** The contract, over the stores of a real workerd: the R2 binding and the disk service. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { objectStoreContract } from "../contract/object-store.ts";
import { startStoreServer, temporaryRoot, type StoreServer } from "./remote-store.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
}, 120_000);
afterAll(async () => server?.close(), 120_000);

objectStoreContract("R2 binding", async () => ({ store: server.r2 }));
objectStoreContract("disk service", async () => ({ store: server.disk }));

test("disk: what a killed put leaves behind and what others left in the folder are no objects", async () => {
  await server.disk.put("torn/whole", new Uint8Array(3));
  mkdirSync(join(server.folder, "torn", "Notes Of A Person"), { recursive: true });
  for (const name of [".half.123.0.tmp", "README", "Notes Of A Person/x"]) writeFileSync(join(server.folder, "torn", name), "torn");
  expect(await server.disk.list("torn/")).toMatchObject({ objects: [{ key: "torn/whole", size: 3 }], next: undefined });
});

test("disk: an object is a plain file at its key, and nothing else is left beside it", async () => {
  await server.disk.put("plain/a/b.log", new TextEncoder().encode("bytes"));
  expect(readdirSync(join(server.folder, "plain", "a"))).toEqual(["b.log"]);
});

test.each(["r2", "disk"] as const)(
  "[I7] %s: what a put has answered for survives a kill, and what it had not is whole or absent",
  { timeout: 120_000 },
  async (name) => {
    const root = temporaryRoot();
    const killed = await startStoreServer(root);
    const small = new Uint8Array([1, 2, 3]);
    const large = new Uint8Array(24 * 1024 * 1024).fill(7);
    await killed[name].put("kept/small", small);
    await killed[name].put("kept/large", large);
    const cut = Array.from({ length: 4 }, (_, index) => killed[name].put(`cut/${index}`, large).catch(() => "cut"));
    // One of them is done, the others are under way.
    await Promise.race(cut);
    await killed.kill();
    await Promise.all(cut);
    const revived = await startStoreServer(root);
    try {
      expect(await revived[name].get("kept/small")).toEqual(small);
      expect((await revived[name].get("kept/large"))?.byteLength).toBe(large.byteLength);
      const sizes = (await revived[name].list("cut/")).objects.map(({ size }) => size);
      expect(sizes.length).toBeGreaterThan(0);
      expect(sizes.every((size) => size === large.byteLength)).toBe(true);
    } finally {
      await revived.close();
    }
  },
);
