/** Which batches must let another go first, for how long, and how many are remembered. */
import { expect, test } from "vitest";
import { TurnedAway } from "../../../core/broker/turned-away.ts";

const producer = { producerId: 7, producerEpoch: 1 };
const ref = { topicId: "t", partition: 0 };

test("those behind the earliest that was turned away wait until it has come, others do not", () => {
  const turnedAway = new TurnedAway();
  turnedAway.note(producer, ref, 4);
  turnedAway.note(producer, ref, 2);
  turnedAway.note(producer, ref, 3);
  expect(turnedAway.mustWait(producer, ref, 4, 1)).toBe(true);
  expect(turnedAway.mustWait({ ...producer, producerEpoch: 2 }, ref, 4, 1)).toBe(false);
  expect(turnedAway.mustWait(producer, { ...ref, partition: 1 }, 4, 1)).toBe(false);
  expect(turnedAway.mustWait(producer, ref, 2, 1)).toBe(false);
  expect(turnedAway.mustWait(producer, ref, 4, 1)).toBe(false);
  expect(turnedAway.size).toBe(0);
});

test("nobody waits longer than one transaction for a batch that never comes", () => {
  const turnedAway = new TurnedAway();
  turnedAway.note(producer, ref, 0);
  expect(turnedAway.mustWait(producer, ref, 1, 5)).toBe(true);
  expect(turnedAway.mustWait(producer, ref, 2, 5)).toBe(true);
  expect(turnedAway.mustWait(producer, ref, 2, 6)).toBe(false);
});

test("[I8] the oldest are forgotten", () => {
  const turnedAway = new TurnedAway();
  for (let partition = 0; partition < 5000; partition++) turnedAway.note(producer, { ...ref, partition }, 0);
  expect(turnedAway.size).toBe(1000);
  expect(turnedAway.mustWait(producer, { ...ref, partition: 0 }, 1, 1)).toBe(false);
  expect(turnedAway.mustWait(producer, { ...ref, partition: 4999 }, 1, 1)).toBe(true);
});
