/** What the cluster costs a month at today's rate, line by line, as its own meter says at list prices. */
import type { VNode } from "preact";
import { dollarsText, shortCount } from "../lib/format.ts";
import { useSession } from "../parts/context.ts";
import { Shown } from "../parts/states.tsx";
import { Cell, HeadCell, Table } from "../parts/table.tsx";
import { useLoad } from "../parts/use-load.ts";

/** What of `GET /cost` is shown. */
interface Bill {
  readonly lines: Readonly<Record<string, { readonly what: string; readonly perMonth: number; readonly usdPerMonth: number }>>;
  readonly usd: number;
  readonly usdPerMonth: number;
}

const everyMs = 30_000;

export function Cost(): VNode {
  const session = useSession();
  const bill = useLoad(
    async (signal) => {
      const response = await session.get("cost", signal);
      return response === undefined ? null : ((await response.json()) as Bill);
    },
    "cost",
    everyMs,
  );
  return (
    <section>
      <h2>Money per month</h2>
      <Shown of={bill} what="cost">
        {(value) =>
          value === null ? (
            <p>This server counts no costs, or nothing has been done in this cluster yet.</p>
          ) : (
            <BillTable bill={value} />
          )
        }
      </Shown>
    </section>
  );
}

function BillTable({ bill }: { readonly bill: Bill }): VNode {
  const lines = Object.values(bill.lines).sort((left, right) => right.usdPerMonth - left.usdPerMonth);
  return (
    <>
      <p class="total">
        <b>{dollarsText(bill.usdPerMonth)}</b> a month, if all went on as it did since the cluster's objects woke
      </p>
      <Table
        label="Cost by kind"
        class="narrow"
        columns={[{ name: "What" }, { name: "a month", isNumber: true, isExtra: true }, { name: "dollars", isNumber: true }]}
      >
        {lines.map(({ what, perMonth, usdPerMonth }) => (
          <tr key={what}>
            <HeadCell>{what}</HeadCell>
            <Cell isNumber isExtra>
              {shortCount(perMonth)}
            </Cell>
            <Cell isNumber>{dollarsText(usdPerMonth)}</Cell>
          </tr>
        ))}
      </Table>
      <p class="hint">List prices, without what a plan includes. This page asks every few seconds, which is part of it.</p>
    </>
  );
}
