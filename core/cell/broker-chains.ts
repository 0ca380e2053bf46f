/**
 * How far each broker's commits to this cell have come: its epoch, the last number applied and the last answers, so that a commit
 * sent again gets the answer it had and one from an older epoch is refused for good.
 */
import type { BatchResult, CommitRequest } from "../coordinator.ts";

export const answersKept = 64;
/** A broker waits for no more answers than these, so they are kept whatever they weigh. */
const answersKeptLeast = 16;
/** Of all answers of a broker; 23 bytes each. */
const resultsKeptMax = 200_000;

/** A commit's outcomes in columns: 64 of them with thousands of batches each must not weigh. */
export interface KeptAnswer {
  readonly number: number;
  readonly cursor: number;
  readonly errorCodes: Int16Array;
  readonly baseOffsets: Float64Array;
  readonly logStartOffsets: Float64Array;
  readonly leaderEpochs: Int32Array;
  /** 1 where the batch was a duplicate. */
  readonly duplicates: Uint8Array;
}

export interface BrokerChain {
  readonly brokerEpoch: number;
  lastNumber: number;
  /** Oldest first. */
  readonly answers: KeptAnswer[];
}

export type ChainVerdict =
  | { readonly kind: "next" }
  | { readonly kind: "repeated"; readonly answer: KeptAnswer }
  | { readonly kind: "fenced"; readonly brokerEpoch: number }
  | { readonly kind: "ahead"; readonly expected: number };

export function judgeNumber(chain: BrokerChain | undefined, request: Pick<CommitRequest, "brokerEpoch" | "number">): ChainVerdict {
  if (chain !== undefined && request.brokerEpoch < chain.brokerEpoch) return { kind: "fenced", brokerEpoch: chain.brokerEpoch };
  const last = chain === undefined || request.brokerEpoch > chain.brokerEpoch ? 0 : chain.lastNumber;
  if (request.number === last + 1) return { kind: "next" };
  if (request.number > last) return { kind: "ahead", expected: last + 1 };
  const answer = chain?.answers.find((kept) => kept.number === request.number);
  // A broker keeps fewer commits unanswered than are remembered: an older number can only be a straggler nobody waits for.
  return answer === undefined ? { kind: "ahead", expected: last + 1 } : { kind: "repeated", answer };
}

export function keepAnswer(chain: BrokerChain, answer: KeptAnswer): void {
  chain.lastNumber = answer.number;
  chain.answers.push(answer);
  let results = chain.answers.reduce((sum, { errorCodes }) => sum + errorCodes.length, 0);
  while (chain.answers.length > answersKept || (chain.answers.length > answersKeptLeast && results > resultsKeptMax)) {
    results -= chain.answers.shift()!.errorCodes.length;
  }
}

export function resultsOf(answer: KeptAnswer): BatchResult[] {
  const results: BatchResult[] = [];
  for (let index = 0; index < answer.errorCodes.length; index++) {
    results.push({
      errorCode: answer.errorCodes[index]!,
      baseOffset: answer.baseOffsets[index]!,
      duplicate: answer.duplicates[index] === 1,
      logStartOffset: answer.logStartOffsets[index]!,
      logAppendTimeMs: -1,
      leaderEpoch: answer.leaderEpochs[index]!,
    });
  }
  return results;
}
