/** One coordinator, rule by rule: Kafka's tables of who gets which epoch and how a transaction ends, and what a death or a wait costs. */
import { describe, expect, test } from "vitest";
import { errorCodes } from "../../../protocol/errors.ts";
import type { AdmissionReply } from "../../../core/transaction/admission.ts";
import { fromRow, toRow } from "../../../core/transaction/state.ts";
import { Coordinator, ongoing, topic } from "./harness.ts";

const { NONE, CONCURRENT_TRANSACTIONS, INVALID_PRODUCER_ID_MAPPING, INVALID_TXN_STATE, PRODUCER_FENCED } = errorCodes;
const { INVALID_TRANSACTION_TIMEOUT, TRANSACTION_ABORTABLE } = errorCodes;

/** Puts the coordinator where the epochs of its producer id are nearly used up. */
function nearlyExhausted(coordinator: Coordinator, producerEpoch: number) {
  coordinator.row = toRow({ ...fromRow(coordinator.row!), producerEpoch });
  coordinator.kill();
  return { producerId: fromRow(coordinator.row).producerId, producerEpoch };
}

describe("InitProducerId", () => {
  test("gives a new id, then the next epoch to whoever starts after", () => {
    const coordinator = new Coordinator();
    expect(coordinator.init()).toMatchObject({ errorCode: NONE, producerId: 100, producerEpoch: 0 });
    expect(coordinator.init()).toMatchObject({ errorCode: NONE, producerId: 100, producerEpoch: 1 });
  });

  test.each([0, -1, 900_001])("refuses a time-out of %i ms", (timeoutMs) => {
    expect(new Coordinator().init(undefined, timeoutMs)?.errorCode).toBe(INVALID_TRANSACTION_TIMEOUT);
  });

  test("gives a producer that recovers the next epoch, and the same one when it asks again (KIP-360)", () => {
    const coordinator = new Coordinator();
    const first = coordinator.init()!;
    const second = coordinator.init(first)!;
    expect(second.producerEpoch).toBe(1);
    expect(coordinator.init(first)).toEqual(second);
    coordinator.kill();
    expect(coordinator.init(first)).toEqual(second);
  });

  test("fences a producer that recovers after another has started", () => {
    const coordinator = new Coordinator();
    const first = coordinator.init()!;
    coordinator.init();
    expect(coordinator.init(first)?.errorCode).toBe(PRODUCER_FENCED);
  });

  test("fences a producer with an id that is not this one's", () => {
    const coordinator = new Coordinator();
    coordinator.init();
    expect(coordinator.init({ producerId: 7, producerEpoch: 0 })?.errorCode).toBe(PRODUCER_FENCED);
  });

  test("takes a producer whose transactional id has expired for a new one", () => {
    expect(new Coordinator().init({ producerId: 7, producerEpoch: 5 })).toMatchObject({ errorCode: NONE, producerEpoch: 0 });
  });

  test("aborts the transaction of the producer before, and answers when that is done", () => {
    const { coordinator, producer } = ongoing();
    const asked = coordinator.ask({
      kind: "init-producer-id",
      request: { timeoutMs: 60_000, expected: undefined, newProducerId: undefined },
    });
    expect(coordinator.answers.has(asked)).toBe(false);
    expect(coordinator.calls).toMatchObject([{ kind: "markers", end: { commit: false, producerEpoch: 1, generation: 1 } }]);
    coordinator.answerCalls();
    expect(coordinator.answers.get(asked)).toMatchObject({ errorCode: NONE, producerEpoch: 2 });
    expect(coordinator.end(producer, true, 1)?.errorCode).toBe(PRODUCER_FENCED);
    expect(coordinator.admit(producer, true, [1])?.errorCodes).toEqual([PRODUCER_FENCED]);
  });

  test("a fenced producer cannot end the transaction of the one that fenced it", () => {
    const coordinator = new Coordinator();
    const first = coordinator.init()!;
    const second = coordinator.init()!;
    coordinator.admit(second, true, [1]);
    expect(coordinator.init(first)?.errorCode).toBe(PRODUCER_FENCED);
    expect(coordinator.describe()?.state).toBe("Ongoing");
  });

  test("takes a new producer id when the epochs are used up, and knows the one before it when it asks again", () => {
    const coordinator = new Coordinator();
    coordinator.init();
    const last = nearlyExhausted(coordinator, 32_766);
    const next = coordinator.init(last)!;
    expect(next).toMatchObject({ errorCode: NONE, producerId: 101, producerEpoch: 0 });
    expect(coordinator.init(last)).toEqual(next);
  });
});

describe("AddPartitionsToTxn and what brokers ask", () => {
  test("a transaction begins with its first partition, and each has the next number", () => {
    const { coordinator, producer } = ongoing([1]);
    expect(coordinator.admit(producer, true, [1, 2])).toEqual({ errorCodes: [NONE, NONE], generation: 1 });
    coordinator.end(producer, true, 1);
    coordinator.answerCalls();
    expect(coordinator.admit(producer, true, [1])).toEqual({ errorCodes: [NONE], generation: 2 });
  });

  test("what is part of it already costs no row", () => {
    const { coordinator, producer } = ongoing([1, 2], ["g"]);
    const { rowsWritten } = coordinator;
    expect(coordinator.admit(producer, true, [2, 1], ["g"])?.errorCodes).toEqual([NONE, NONE, NONE]);
    expect(coordinator.rowsWritten).toBe(rowsWritten);
  });

  test("asked only to verify it says what is part and adds nothing", () => {
    const { coordinator, producer } = ongoing([1], ["g"]);
    const reply = { errorCodes: [NONE, TRANSACTION_ABORTABLE, NONE, TRANSACTION_ABORTABLE], generation: 1 };
    expect(coordinator.admit(producer, false, [1, 2], ["g", "h"])).toEqual(reply);
    expect(coordinator.admit(producer, false, [1, 2], ["g", "h"])).toEqual(reply);
  });

  test.each([
    ["another producer id", { producerId: 7, producerEpoch: 0 }, INVALID_PRODUCER_ID_MAPPING],
    ["another epoch", { producerId: 100, producerEpoch: 1 }, PRODUCER_FENCED],
  ])("refuses %s", (_, producer, errorCode) => {
    const { coordinator } = ongoing();
    expect(coordinator.admit(producer, true, [1])).toEqual({ errorCodes: [errorCode], generation: 0 });
    expect(coordinator.admit(producer, false, [1])).toEqual({ errorCodes: [errorCode], generation: 0 });
    expect(new Coordinator().admit(producer, true, [1])?.errorCodes).toEqual([INVALID_PRODUCER_ID_MAPPING]);
  });

  test("what comes while a transaction is being ended waits for that; only when it takes long it is told so", () => {
    const { coordinator, producer } = ongoing();
    coordinator.end(producer, true, 1);
    const request = { ...producer, add: true, partitions: [{ topicId: topic, partition: 3, cell: 0 }] };
    const first = coordinator.ask({ kind: "admit", request });
    expect(coordinator.admit(producer, false, [1])?.errorCodes).toEqual([CONCURRENT_TRANSACTIONS]);
    coordinator.wait(1000);
    expect(coordinator.answers.get(first)).toEqual({ errorCodes: [CONCURRENT_TRANSACTIONS], generation: 0 });
    const second = coordinator.ask({ kind: "admit", request });
    coordinator.answerCalls();
    expect(coordinator.answers.get(second)).toEqual({ errorCodes: [NONE], generation: 2 });
  });

  test("a thousand partitions over several cells are ended with one call a cell, not too many at once", () => {
    const { coordinator, producer } = ongoing(Array.from({ length: 1000 }, (_, index) => index));
    coordinator.end(producer, false, 2);
    const called: number[] = [];
    while (coordinator.calls.length > 0) {
      expect(coordinator.calls.length).toBeLessThanOrEqual(32);
      called.push(...coordinator.calls.map((call) => (call.kind === "markers" ? call.partitions.length : 0)));
      coordinator.answerCalls();
    }
    expect(called).toEqual(Array.from({ length: 100 }, () => 10));
    expect(coordinator.describe()).toMatchObject({ state: "CompleteAbort", topics: [] });
  });
});

describe("a transaction's row stays under the 2 MB that SQLite takes, whatever joins it [I8]", () => {
  const topicId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

  test.each([
    ["partitions of as many topics", (n: number) => ({ topicId: topicId(n), partition: 0, cell: n % 50 })],
    ["partitions of one topic", (n: number) => ({ topicId: topicId(0), partition: n, cell: 0 })],
  ])("%s", (_, place) => {
    const { coordinator, producer } = ongoing();
    const join = (from: number) => {
      const partitions = Array.from({ length: 5000 }, (_, index) => place(from + index));
      const id = coordinator.ask({ kind: "admit", request: { ...producer, add: true, partitions } });
      return (coordinator.answers.get(id) as AdmissionReply).errorCodes[0];
    };
    let from = 0;
    while (join(from) === NONE) from += 5000;
    expect(join(from)).toBe(TRANSACTION_ABORTABLE);
    expect(from).toBeGreaterThanOrEqual(20_000);
    expect(coordinator.row!.length).toBeLessThan(1_900_000);
    expect(coordinator.end(producer, false, 2)?.errorCode).toBe(NONE);
  });

  test("groups with long names", () => {
    const { coordinator, producer } = ongoing();
    const join = (number: number) => coordinator.admit(producer, true, [], [`\u0001`.repeat(890) + number])!.errorCodes[0];
    let number = 0;
    while (join(number) === NONE) number += 1;
    expect(join(number)).toBe(TRANSACTION_ABORTABLE);
    expect(number).toBeGreaterThan(40);
    expect(new TextEncoder().encode(coordinator.row).byteLength).toBeLessThan(1_900_000);
  });
});

type Ended = "same" | "bumped" | number;

/** What EndTxn answers: the producer's identity as it was or with the next epoch, or an error. */
const tables: readonly (readonly [version: 1 | 2, state: string, who: "current" | "retry", commit: boolean, answer: Ended])[] = [
  [1, "Empty", "current", true, INVALID_TXN_STATE],
  [1, "Empty", "current", false, INVALID_TXN_STATE],
  [1, "Empty", "retry", false, PRODUCER_FENCED],
  [1, "Ongoing", "current", true, "same"],
  [1, "Ongoing", "current", false, "same"],
  [1, "Ongoing", "retry", false, PRODUCER_FENCED],
  [1, "CompleteCommit", "current", true, "same"],
  [1, "CompleteCommit", "current", false, INVALID_TXN_STATE],
  [1, "CompleteAbort", "current", true, INVALID_TXN_STATE],
  [1, "CompleteAbort", "current", false, "same"],
  [2, "Empty", "current", true, INVALID_TXN_STATE],
  [2, "Empty", "current", false, "bumped"],
  [2, "Empty", "retry", true, PRODUCER_FENCED],
  [2, "Empty", "retry", false, PRODUCER_FENCED],
  [2, "Ongoing", "current", true, "bumped"],
  [2, "Ongoing", "current", false, "bumped"],
  [2, "Ongoing", "retry", true, PRODUCER_FENCED],
  [2, "CompleteCommit", "current", true, INVALID_TXN_STATE],
  [2, "CompleteCommit", "current", false, "bumped"],
  [2, "CompleteCommit", "retry", true, "same"],
  [2, "CompleteCommit", "retry", false, INVALID_TXN_STATE],
  [2, "CompleteAbort", "current", true, INVALID_TXN_STATE],
  [2, "CompleteAbort", "current", false, "bumped"],
  [2, "CompleteAbort", "retry", true, INVALID_TXN_STATE],
  [2, "CompleteAbort", "retry", false, "same"],
];

function inState(name: string, version: 1 | 2) {
  const coordinator = new Coordinator();
  const first = coordinator.init()!;
  if (name === "Empty") return { coordinator, current: coordinator.init(first)! };
  coordinator.admit(first, true, [1]);
  if (name === "Ongoing") return { coordinator, current: first };
  const current = coordinator.end(first, name === "CompleteCommit", version)!;
  coordinator.answerCalls();
  return { coordinator, current };
}

describe("EndTxn", () => {
  test.each(tables)("version %i in %s, %s epoch, commit %s: %s", (version, state, who, commit, answer) => {
    const { coordinator, current } = inState(state, version);
    expect(coordinator.describe()?.state).toBe(state);
    const { producerId, producerEpoch } = current;
    const asking = who === "current" ? current : { producerId, producerEpoch: producerEpoch - 1 };
    const answered = coordinator.end(asking, commit, version);
    if (typeof answer === "number") expect(answered?.errorCode).toBe(answer);
    else {
      const nextEpoch = answer === "same" ? producerEpoch : producerEpoch + 1;
      expect(answered).toMatchObject({ errorCode: NONE, producerId, producerEpoch: nextEpoch });
    }
  });

  test.each([1, 2] as const)("refuses another producer id and an unknown transactional id in version %i", (version) => {
    const { coordinator } = ongoing();
    const other = { producerId: 7, producerEpoch: 0 };
    expect(coordinator.end(other, true, version)?.errorCode).toBe(INVALID_PRODUCER_ID_MAPPING);
    expect(new Coordinator().end(other, true, version)?.errorCode).toBe(INVALID_PRODUCER_ID_MAPPING);
  });

  test.each([1, 2] as const)("is answered when the decision is durable, before the markers, in version %i", (version) => {
    const { coordinator, producer } = ongoing([1, 11], ["g"]);
    expect(coordinator.end(producer, true, version)?.errorCode).toBe(NONE);
    expect(fromRow(coordinator.row!).name).toBe("PrepareCommit");
    expect(coordinator.calls.map((call) => [call.kind, call.end.commit, call.end.producerEpoch])).toEqual([
      ["markers", true, version - 1],
      ["markers", true, version - 1],
      ["offsets", true, version - 1],
    ]);
    coordinator.answerCalls();
    expect(fromRow(coordinator.row!).name).toBe("CompleteCommit");
  });

  test("a retry while the transaction is being ended is answered like the first, a contradiction is refused", () => {
    const { coordinator, producer } = ongoing();
    const first = coordinator.end(producer, true, 2);
    expect(coordinator.end(producer, false, 2)?.errorCode).toBe(INVALID_TXN_STATE);
    const retry = coordinator.ask({
      kind: "end",
      request: { ...producer, commit: true, version: 2, generation: undefined, newProducerId: undefined },
    });
    coordinator.answerCalls();
    expect(coordinator.answers.get(retry)).toEqual(first);
  });

  test("the last epoch ends with a new producer id, told again when asked again", () => {
    const { coordinator } = ongoing();
    const last = nearlyExhausted(coordinator, 32_766);
    const next = coordinator.end(last, true, 2)!;
    expect(next).toMatchObject({ errorCode: NONE, producerId: 101, producerEpoch: 0 });
    expect(coordinator.calls).toMatchObject([{ end: { producerId: 100, producerEpoch: 32_767 } }]);
    coordinator.answerCalls();
    expect(coordinator.end(last, true, 2)).toEqual(next);
    expect(coordinator.admit(next, true, [1])?.generation).toBe(2);
  });

  test.each([true, false])("of version 1 that comes late ends no later transaction (commit %s) [I11]", (commit) => {
    const { coordinator, producer } = ongoing();
    expect(coordinator.end(producer, true, 1, 1)?.errorCode).toBe(NONE);
    coordinator.answerCalls();
    coordinator.admit(producer, true, [2]);
    expect(coordinator.end(producer, commit, 1, 1)?.errorCode).toBe(CONCURRENT_TRANSACTIONS);
    expect(coordinator.describe()).toMatchObject({ state: "Ongoing", generation: 2 });
    expect(coordinator.end(producer, commit, 1, 2)?.errorCode).toBe(NONE);
  });
});

describe("a coordinator that dies or waits", () => {
  test("a prepared transaction is completed after a kill, all markers anew [I7]", () => {
    const { coordinator, producer } = ongoing([1, 11]);
    coordinator.end(producer, true, 2);
    const [first, second] = coordinator.calls.map((call) => ({ ...call, callId: 0 }));
    coordinator.kill();
    expect(coordinator.calls.map((call) => ({ ...call, callId: 0 }))).toEqual([first, second]);
    coordinator.answerCalls();
    expect(coordinator.describe()?.state).toBe("CompleteCommit");
  });

  test("an unanswered call is repeated, ever more slowly, until it is answered", () => {
    const { coordinator, producer } = ongoing();
    coordinator.end(producer, true, 2);
    for (const ms of [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      coordinator.answerCalls(false);
      coordinator.wait(ms - 1);
      expect(coordinator.calls).toHaveLength(0);
      coordinator.wait(1);
      expect(coordinator.calls).toHaveLength(1);
    }
    coordinator.answerCalls();
    expect(coordinator.nextDeadline).toBeUndefined();
  });

  test("an alarm brings back a coordinator that died while it ended a transaction", () => {
    const { coordinator, producer } = ongoing();
    coordinator.end(producer, true, 2);
    expect(coordinator.alarmAt).toBe(coordinator.now + 10_000);
    coordinator.kill();
    coordinator.alarm();
    expect(coordinator.calls).toHaveLength(1);
    expect(coordinator.alarmAt).toBe(coordinator.now + 10_000);
  });

  test("a transaction that is open past its time-out is aborted and its producer fenced", () => {
    const { coordinator, producer } = ongoing();
    coordinator.kill();
    coordinator.alarm();
    expect(coordinator.calls).toMatchObject([{ end: { commit: false, producerEpoch: 1 } }]);
    coordinator.answerCalls();
    expect(coordinator.describe()?.state).toBe("CompleteAbort");
    expect(coordinator.end(producer, true, 1)?.errorCode).toBe(PRODUCER_FENCED);
    expect(coordinator.end(producer, true, 2)?.errorCode).toBe(INVALID_TXN_STATE);
    expect(coordinator.init(producer)).toMatchObject({ errorCode: NONE, producerEpoch: 1 });
  });

  test("a busy producer does not set an alarm with every transaction", () => {
    const coordinator = new Coordinator();
    let producer = coordinator.init()!;
    for (let round = 0; round < 100; round++) {
      coordinator.admit(producer, true, [round]);
      producer = coordinator.end(producer, true, 2)!;
      coordinator.answerCalls();
      coordinator.wait(999);
      if (coordinator.alarmAt! <= coordinator.now) coordinator.alarm();
    }
    // The id's first; then every ten seconds one for its expiry, a time-out, and an end that might be broken off.
    expect(coordinator.alarmsSet).toBeLessThanOrEqual(1 + 3 * 10);
  });

  describe.each([1, 2] as const)("[D3] a second after a transaction of version %i", (version) => {
    const day = 86_400_000;

    test.each(["commit", "abort", "time-out", "next producer"])("its alarm has given way to the id's expiry (%s)", (how) => {
      const { coordinator, producer } = ongoing();
      if (how === "time-out") coordinator.alarm();
      else if (how === "next producer") coordinator.init();
      else coordinator.end(producer, how === "commit", version);
      coordinator.answerCalls();
      const over = coordinator.now;
      if (how === "time-out") expect(coordinator.alarmAt).toBe(over + 10_000);
      coordinator.wait(coordinator.nextDeadline! - over - 1);
      expect(coordinator.alarmAt).toBeLessThanOrEqual(over + 60_000);
      coordinator.wait(1);
      expect(coordinator.now).toBe(over + 1000);
      expect(coordinator.alarmAt).toBe(over + 7 * day);
      expect(coordinator.nextDeadline).toBeUndefined();
    });

    test("nothing has happened if the next one has begun before", () => {
      const { coordinator, producer } = ongoing();
      const next = coordinator.end(producer, true, version)!;
      coordinator.answerCalls();
      const { alarmsSet } = coordinator;
      coordinator.wait(999);
      coordinator.admit(next, true, [2]);
      coordinator.wait(1);
      expect(coordinator.alarmsSet).toBe(alarmsSet);
      expect(coordinator.nextDeadline).toBeUndefined();
      expect(coordinator.alarmAt).toBeLessThanOrEqual(coordinator.now + 10_000);
    });

    test("one that was killed before rings once too early, or not at all when something else wakes it", () => {
      for (const wake of ["alarm", "question"]) {
        const { coordinator, producer } = ongoing();
        coordinator.end(producer, true, version);
        coordinator.answerCalls();
        const over = coordinator.now;
        const { row, alarmsSet } = coordinator;
        coordinator.evict();
        if (wake === "alarm") coordinator.alarm();
        else {
          coordinator.now += 5000;
          coordinator.kill();
        }
        expect(coordinator.alarmAt).toBe(over + 7 * day);
        expect(coordinator.alarmsSet).toBe(alarmsSet + 1);
        expect(coordinator.row).toBe(row);
        expect(coordinator.nextDeadline).toBeUndefined();
      }
    });
  });

  test("a transactional id that nobody uses is forgotten, an open transaction is not", () => {
    const coordinator = new Coordinator();
    const producer = coordinator.init()!;
    coordinator.now += 604_000_000;
    coordinator.admit(producer, true, [1]);
    coordinator.end(producer, true, 2);
    coordinator.answerCalls();
    while (coordinator.now < 1_000_000 + 604_000_000 + 604_800_000) {
      expect(coordinator.row).toBeDefined();
      coordinator.alarm();
    }
    expect(coordinator.row).toBeUndefined();
    expect(coordinator.alarmAt).toBeUndefined();
    expect(coordinator.describe()).toBeUndefined();
  });
});
