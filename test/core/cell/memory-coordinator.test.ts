/** The contract, over the coordinator in memory: restarts are new coordinators over the same rows, some of them after a snapshot. */
import { batchCoordinatorContract, contractSettings } from "../../contract/batch-coordinator.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import type { BatchCoordinator } from "../../../core/coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";

const settings = { ...settingDefaults, ...contractSettings };

function restartable(beforeRestart: (current: MemoryCoordinator) => void): {
  coordinator: BatchCoordinator;
  restart(): Promise<void>;
} {
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
  const options = { settings, rows: new MemoryRows(), sleep };
  let current = new MemoryCoordinator(options);
  return {
    coordinator: alwaysThe(() => current),
    async restart() {
      beforeRestart(current);
      current = new MemoryCoordinator(options);
    },
  };
}

/** Whose calls go to the coordinator that lives at the time. */
function alwaysThe(current: () => BatchCoordinator): BatchCoordinator {
  return new Proxy({} as BatchCoordinator, {
    get: (_, name: keyof BatchCoordinator) => {
      const coordinator = current();
      return coordinator[name].bind(coordinator);
    },
  });
}

batchCoordinatorContract("memory, from its journal", async () => restartable(() => {}), { runs: 80, steps: 40 });
batchCoordinatorContract("memory, from a snapshot", async () => restartable((current) => current.takeSnapshot()), {
  runs: 300,
  steps: 60,
});
