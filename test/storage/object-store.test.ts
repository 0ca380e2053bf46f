/** The contract, over the stores that need nothing but memory. */
import { expect, test } from "vitest";
import { FaultyObjectStore } from "../../storage/faulty.ts";
import { MemoryObjectStore } from "../../storage/memory.ts";
import { clusterFolder, PrefixedObjectStore } from "../../storage/prefixed.ts";
import { objectStoreContract } from "../contract/object-store.ts";

objectStoreContract("memory", async () => ({ store: new MemoryObjectStore() }));

objectStoreContract("memory below a cluster's prefix", async () => ({
  store: new PrefixedObjectStore(new MemoryObjectStore(), "default"),
}));

objectStoreContract("faulty without faults", async () => ({ store: new FaultyObjectStore(new MemoryObjectStore(), {}) }));

test("[I10] cluster names that differ have folders that differ, whatever a file system thinks of capitals", () => {
  const names = [
    "a",
    "A",
    "_a",
    "_A",
    "__a",
    "Default",
    "default",
    "_default",
    "DEFAULT",
    "my_cluster",
    "myCluster",
    "my_Cluster",
    "My-c.1",
  ];
  const folders = names.map(clusterFolder);
  expect(new Set(folders).size).toBe(names.length);
  expect(folders).toEqual(folders.map((folder) => folder.toLowerCase()));
  for (const folder of folders) expect(() => new PrefixedObjectStore(new MemoryObjectStore(), folder)).not.toThrow();
});

test("[I10] clusters that share a bucket see, overwrite and delete none of each other's objects, also when one name begins the other", async () => {
  const bucket = new MemoryObjectStore();
  const ours = new PrefixedObjectStore(bucket, "default");
  const theirs = new PrefixedObjectStore(bucket, "default2");
  await ours.put("wal/0/1/1", new Uint8Array([1]));
  await theirs.put("wal/0/1/1", new Uint8Array([2]));
  await theirs.put("wal/0/1/2", new Uint8Array([2]));
  expect(await ours.list("")).toMatchObject({ objects: [{ key: "wal/0/1/1", size: 1 }], next: undefined });
  expect(await ours.get("wal/0/1/1")).toEqual(new Uint8Array([1]));
  expect(await ours.putIfAbsent("wal/0/1/2", new Uint8Array([1]))).toBe(true);
  await ours.delete(["wal/0/1/1", "wal/0/1/2"]);
  expect((await theirs.list("")).objects).toHaveLength(2);
  expect(await theirs.get("wal/0/1/2")).toEqual(new Uint8Array([2]));
  await expect(ours.get("../default2/wal/0/1/1")).rejects.toMatchObject({ kind: "invalid" });
});
