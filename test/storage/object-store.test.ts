/** The contract, over the stores that need nothing but memory. */
import { FaultyObjectStore } from "../../storage/faulty.ts";
import { MemoryObjectStore } from "../../storage/memory.ts";
import { PrefixedObjectStore } from "../../storage/prefixed.ts";
import { objectStoreContract } from "../contract/object-store.ts";

objectStoreContract("memory", async () => ({ store: new MemoryObjectStore() }));

objectStoreContract("memory below a cluster's prefix", async () => {
  const shared = new MemoryObjectStore();
  // A neighbour whose name begins alike must stay out of sight (I10).
  await shared.put("c/default2/case-0/intruder", new Uint8Array(1));
  return { store: new PrefixedObjectStore(shared, "c/default") };
});

objectStoreContract("faulty without faults", async () => ({ store: new FaultyObjectStore(new MemoryObjectStore(), {}) }));
