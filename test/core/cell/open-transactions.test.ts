/** The first open transaction is found whatever ended before it, and what has ended takes no memory for long. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { OpenTransactions } from "../../../core/cell/open-transactions.ts";

test("[I4] [I8] the first offset is that of the first that is open, and ended ones stay few, however long the first one lasts", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 600, size: "max" }), (choices) => {
      const open = new Map<number, number>();
      const transactions = new OpenTransactions((producerId, firstOffset) => open.get(producerId) === firstOffset);
      for (const [offset, choice] of choices.entries()) {
        const producers = [...open.keys()];
        if (choice % 2 === 0 || producers.length < 3) {
          open.set(offset, offset);
          transactions.add(offset, offset);
        } else {
          // The first one hardly ever.
          open.delete(producers[choice % 97 === 0 ? 0 : 1 + (choice % (producers.length - 1))]!);
          transactions.ended();
        }
        expect(transactions.firstOffset).toBe(open.values().next().value);
        expect(transactions.entryCount).toBeLessThanOrEqual(2 * open.size + 64);
      }
    }),
    { numRuns: 200 },
  );
});
