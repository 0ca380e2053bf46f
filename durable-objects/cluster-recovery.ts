/**
 * Recovers cells whose leaders have lost their rows, for a controller (decision 11): finds them by asking, has a merger put their logs
 * together from the bucket, gives their partitions to a new cell, and lets that one begin with what was found. Partitions move before the
 * new leader hears of them: whoever dies between leaves a cell that is lost like the first, and recovered like it.
 */
import type { RowChange } from "../core/cluster/controller-rows.ts";
import type { ControllerMachine } from "../core/cluster/controller.ts";
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { PartitionReport } from "../core/recover/recovered.ts";
import type { TransactionDescription } from "../core/transaction/requests.ts";
import { errorCodes } from "../protocol/errors.ts";
import type { CellRecovery, ObjectFault, RecoverRequest } from "./recovery.ts";

export interface RecoverOptions {
  /** False: nothing is changed, the answer tells what would be. */
  readonly write: boolean;
  readonly offsetGap: number;
  /** A cell that is taken for lost although its leader does not answer: its rows cannot be read, and whoever asks knows that. */
  readonly giveUp?: number | undefined;
}

export interface RecoveredCell {
  readonly cell: number;
  readonly newCell: number;
  readonly written: boolean;
  readonly objects: number;
  readonly bytes: number;
  /** What could not be read, the first few. */
  readonly faults: readonly ObjectFault[];
  readonly faultCount: number;
  readonly partitions: readonly (PartitionReport & { readonly topic: string })[];
}

export interface Recovery {
  /** Cells that are as they should be. */
  readonly healthy: readonly number[];
  /** Cells whose leaders do not answer: nothing is known of them, and nothing done. */
  readonly silent: readonly number[];
  /** Why, in the order of the silent ones. */
  readonly silentReasons: readonly string[];
  readonly recovered: readonly RecoveredCell[];
}

export interface ClusterRecoveryHost {
  readonly machine: ControllerMachine;
  readonly producerExpirationMs: number;
  leader(cell: number): Pick<BatchCoordinator, "describePartitions"> & {
    takeOver(snapshot: readonly Uint8Array[]): Promise<void>;
  };
  /** Reads the bucket; puts the object of the new cell when told to. */
  rebuild(request: RecoverRequest, put: boolean): Promise<CellRecovery>;
  describeTransaction(transactionalId: string): Promise<TransactionDescription | undefined>;
  persist(rows: readonly RowChange[]): void;
}

const faultsShown = 50;
const questionsAtOnce = 6;

/**
 * More than all records that a cell may hold inline can be (64 MiB of records of at least 7 bytes), so that no offset that was given away
 * is given to another record; what was compressed to less than a seventh may be more.
 */
export const offsetGapDefault = 2 ** 24;

export async function recoverCluster(host: ClusterRecoveryHost, { write, offsetGap, giveUp }: RecoverOptions): Promise<Recovery> {
  const { machine } = host;
  const found = await lookAtCells(host, giveUp);
  const recovered: RecoveredCell[] = [];
  const transactions = found.lost.length === 0 ? [] : await describeTransactions(host);
  let newCell = machine.unusedCell;
  for (const cell of found.lost) {
    const { producerExpirationMs } = host;
    const request: RecoverRequest = {
      newCell,
      cells: [cell, ...machine.lostCells.all.filter((other) => other !== cell)],
      partitions: machine.ledPartitions(cell),
      fences: [...machine.brokerEpochs()].map(([brokerId, brokerEpoch]) => ({ brokerId, brokerEpoch })),
      doomed: machine.walGarbage.doomed,
      transactions,
      offsetGap,
      producerExpirationMs,
    };
    const { snapshot, objects, bytes, faults, partitions } = await host.rebuild(request, write);
    if (write) {
      host.persist(machine.moveCell(cell, newCell).rows);
      await host.leader(newCell).takeOver(snapshot);
    }
    const named = partitions.map((report) => ({ topic: machine.topicName(report.topicId), ...report }));
    const shown = faults.slice(0, faultsShown);
    recovered.push({ cell, newCell, written: write, objects, bytes, faults: shown, faultCount: faults.length, partitions: named });
    newCell += 1;
  }
  const { healthy, silent, silentReasons } = found;
  return { healthy, silent, silentReasons, recovered };
}

interface Look {
  readonly cell: number;
  readonly kind: "healthy" | "silent" | "lost";
  readonly reason?: string;
}

/**
 * A cell is lost when its leader answers and knows none of its partitions. One that does not answer may have its rows: only whoever asks
 * can say that it has to be given up.
 */
async function lookAtCells(
  host: ClusterRecoveryHost,
  giveUp: number | undefined,
): Promise<{
  readonly healthy: readonly number[];
  readonly silent: readonly number[];
  readonly silentReasons: readonly string[];
  readonly lost: readonly number[];
}> {
  const looked = await eachOf(host.machine.cells(), async (cell): Promise<Look> => {
    const led = host.machine.ledPartitions(cell);
    if (led.length === 0) return { cell, kind: "healthy" };
    try {
      const known = await host.leader(cell).describePartitions(led.map(({ topicId, partition }) => ({ topicId, partition })));
      const isLost = known.every(({ errorCode }) => errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
      return { cell, kind: isLost ? "lost" : "healthy" };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { cell, kind: cell === giveUp ? "lost" : "silent", reason };
    }
  });
  const of = (kind: Look["kind"]): number[] => looked.filter((look) => look.kind === kind).map(({ cell }) => cell);
  const silentReasons = looked.filter(({ kind }) => kind === "silent").map(({ reason }) => reason ?? "");
  return { healthy: of("healthy"), silent: of("silent"), silentReasons, lost: of("lost") };
}

async function describeTransactions(host: ClusterRecoveryHost): Promise<TransactionDescription[]> {
  const descriptions = await eachOf(host.machine.transactions(), async (id) => await host.describeTransaction(id));
  return descriptions.filter((description) => description !== undefined);
}

/** A few at a time; answers in the order of the items. */
async function eachOf<Item, Answer>(items: readonly Item[], work: (item: Item) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      answers[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(questionsAtOnce, items.length) }, lane));
  return answers;
}
