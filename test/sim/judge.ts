/** All checkers by name, over the history of a run. */
import { ackedSurvives } from "./checkers/acked-survives.ts";
import { comesToRest } from "./checkers/comes-to-rest.ts";
import { committedSurvives } from "./checkers/committed-survives.ts";
import { heartbeatsWriteNothing } from "./checkers/heartbeats-write-nothing.ts";
import { highWatermarkMonotonic } from "./checkers/high-watermark-monotonic.ts";
import { keysNeverReused } from "./checkers/keys-never-reused.ts";
import { noOffsetShared } from "./checkers/no-offset-shared.ts";
import { noSecondCopy } from "./checkers/no-second-copy.ts";
import { nothingUncommittedVisible } from "./checkers/nothing-uncommitted-visible.ts";
import { offsetsGapless } from "./checkers/offsets-gapless.ts";
import { oneOwnerAtATime } from "./checkers/one-owner-at-a-time.ts";
import { oneOwnerPerGeneration } from "./checkers/one-owner-per-generation.ts";
import { producerOrder } from "./checkers/producer-order.ts";
import { rebalancesEnd } from "./checkers/rebalances-end.ts";
import { referencedExists } from "./checkers/referenced-exists.ts";
import { markedOnce } from "./checkers/marked-once.ts";
import { stableOffsetMonotonic } from "./checkers/stable-offset-monotonic.ts";
import { transactionsAllOrNothing } from "./checkers/transactions-all-or-nothing.ts";
import { undecidedInvisible } from "./checkers/undecided-invisible.ts";
import { zombiesAreFenced } from "./checkers/zombies-are-fenced.ts";
import { memoryKept } from "./checkers/memory-kept.ts";
import { getsFew } from "./checkers/gets-few.ts";
import { mergesEnd } from "./checkers/merges-end.ts";
import { viewNeverChanges } from "./checkers/view-never-changes.ts";
import { noReferencedDeleted } from "./checkers/no-referenced-deleted.ts";
import { newestSurvives } from "./checkers/newest-survives.ts";
import { nothingLeftBehind } from "./checkers/nothing-left-behind.ts";
import type { Checker, FinalLogs, History } from "./history.ts";

export const checkers: Readonly<Record<string, Checker>> = {
  "acked-survives": ackedSurvives,
  "offsets-gapless": offsetsGapless,
  "no-offset-shared": noOffsetShared,
  "no-second-copy": noSecondCopy,
  "nothing-uncommitted-visible": nothingUncommittedVisible,
  "producer-order": producerOrder,
  "high-watermark-monotonic": highWatermarkMonotonic,
  "referenced-exists": referencedExists,
  "keys-never-reused": keysNeverReused,
  "comes-to-rest": comesToRest,
  "one-owner-per-generation": oneOwnerPerGeneration,
  "one-owner-at-a-time": oneOwnerAtATime,
  "committed-survives": committedSurvives,
  "zombies-are-fenced": zombiesAreFenced,
  "rebalances-end": rebalancesEnd,
  "heartbeats-write-nothing": heartbeatsWriteNothing,
  "transactions-all-or-nothing": transactionsAllOrNothing,
  "undecided-invisible": undecidedInvisible,
  "stable-offset-monotonic": stableOffsetMonotonic,
  "marked-once": markedOnce,
  "view-never-changes": viewNeverChanges,
  "merges-end": mergesEnd,
  "memory-kept": memoryKept,
  "gets-few": getsFew,
  "no-referenced-deleted": noReferencedDeleted,
  "nothing-left-behind": nothingLeftBehind,
  "newest-survives": newestSurvives,
};

/** What is wrong, the first few of each checker. */
export function judge(history: History, finalLogs: FinalLogs = new Map()): readonly string[] {
  return Object.entries(checkers).flatMap(([name, check]) =>
    check(history, finalLogs)
      .slice(0, 5)
      .map((what) => `${name}: ${what}`),
  );
}
