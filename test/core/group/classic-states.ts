/** A classic group in each of its states, as the beginning of tests. */
import { Harness } from "./harness.ts";

/** A group of two in PreparingRebalance: the first has rejoined (parked), the second has not yet. */
export function preparing() {
  const harness = new Harness();
  const { ids, generationId } = harness.stable(2);
  const rejoin = harness.join({ memberId: ids[0]! });
  return { harness, ids, generationId, rejoin };
}

/** A group of two in CompletingRebalance, generation 1: nobody has synced. */
export function completing() {
  const harness = new Harness();
  const joins = [harness.join({ version: 3 }), harness.join({ version: 3 })];
  harness.advance(10_000);
  return { harness, ids: joins.map((join) => harness.joined(join).memberId), generationId: 1 };
}

export function empty() {
  const harness = new Harness();
  const { ids, generationId } = harness.stable(1);
  harness.leave({ memberId: ids[0]! });
  return { harness, ids, generationId };
}

export function stable() {
  const harness = new Harness();
  return { harness, ...harness.stable(2) };
}

export const states = { Empty: empty, PreparingRebalance: preparing, CompletingRebalance: completing, Stable: stable };
