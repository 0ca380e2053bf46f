/** All rules by name, over one history. */
import { type Rule, factsOf } from "./facts.ts";
import type { History } from "./happening.ts";
import { abortedInvisible } from "./rules/aborted-invisible.ts";
import { acknowledgedSurvives } from "./rules/acknowledged-survives.ts";
import { boundsNeverGoBack } from "./rules/bounds-never-go-back.ts";
import { comesToRest } from "./rules/comes-to-rest.ts";
import { nothingInvented } from "./rules/nothing-invented.ts";
import { nothingTwice } from "./rules/nothing-twice.ts";
import { offsetsInSequence } from "./rules/offsets-in-sequence.ts";
import { oneValuePerOffset } from "./rules/one-value-per-offset.ts";
import { processedOnce } from "./rules/processed-once.ts";
import { producerOrder } from "./rules/producer-order.ts";
import { transactionsWhole } from "./rules/transactions-whole.ts";
import { undecidedInvisible } from "./rules/undecided-invisible.ts";

export const rules: Readonly<Record<string, Rule>> = {
  "acknowledged-survives": acknowledgedSurvives,
  "nothing-twice": nothingTwice,
  "nothing-invented": nothingInvented,
  "aborted-invisible": abortedInvisible,
  "undecided-invisible": undecidedInvisible,
  "transactions-whole": transactionsWhole,
  "processed-once": processedOnce,
  "one-value-per-offset": oneValuePerOffset,
  "offsets-in-sequence": offsetsInSequence,
  "bounds-never-go-back": boundsNeverGoBack,
  "producer-order": producerOrder,
  "comes-to-rest": comesToRest,
};

/** What each rule finds wrong. */
export function judge(history: History): ReadonlyMap<string, readonly string[]> {
  const facts = factsOf(history);
  return new Map(Object.entries(rules).map(([name, rule]) => [name, rule(facts)]));
}
