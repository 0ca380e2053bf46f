/** Transactions: those that are open, for how long, what they touch, and the way to end one that nobody ends. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { TransactionDescription } from "../../client/client.ts";
import { againIfGone } from "../lib/faults.ts";
import { countText, durationText } from "../lib/format.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { CheckField } from "../parts/fields.tsx";
import { Empty, FaultNote, Shown } from "../parts/states.tsx";
import { Badge, Cell, HeadCell, Table } from "../parts/table.tsx";
import { useAction, useLoad, useNow } from "../parts/use-load.ts";

/** Each is asked about. */
const rowsMax = 100;
const everyMs = 3000;
const open: ReadonlySet<string> = new Set(["Ongoing", "PrepareCommit", "PrepareAbort"]);

export function TransactionsView(): VNode {
  const { admin } = useSession();
  const [isAll, setAll] = useState(false);
  const [aborting, setAborting] = useState<TransactionDescription>();
  const nowMs = useNow(1000);
  const transactions = useLoad(
    async (signal) =>
      await againIfGone(async () => {
        const all = await admin.listTransactions({ signal, ...(!isAll && { states: [...open] }) });
        const rows = await Promise.all(
          all.slice(0, rowsMax).map(async ({ transactionalId }) => await admin.describeTransaction(transactionalId, { signal })),
        );
        rows.sort(
          (left, right) =>
            (left.startTime ?? Infinity) - (right.startTime ?? Infinity) ||
            left.transactionalId.localeCompare(right.transactionalId),
        );
        return { found: all.length, rows };
      }),
    `transactions ${isAll}`,
    everyMs,
  );
  return (
    <>
      <h1>Transactions</h1>
      <CheckField label="also transactional ids with none open" isChecked={isAll} onChange={setAll} />
      <Shown of={transactions} what="transactions">
        {({ found, rows }) =>
          rows.length === 0 ? (
            <Empty title={isAll ? "No transactional ids" : "No open transactions"}>
              {isAll
                ? "A producer with a transactional id appears here as soon as it begins."
                : "Readers of committed records wait for nobody."}
            </Empty>
          ) : (
            <>
              <Table
                label="Transactions"
                columns={[
                  { name: "Transactional id" },
                  { name: "State" },
                  { name: "Open for" },
                  { name: "Time-out", isExtra: true },
                  { name: "Producer", isNumber: true, isExtra: true },
                  { name: "Partitions" },
                  { name: <span class="visually-hidden">Actions</span> },
                ]}
              >
                {rows.map((each) => (
                  <Row key={each.transactionalId} transaction={each} nowMs={nowMs} onAbort={() => setAborting(each)} />
                ))}
              </Table>
              {found > rows.length && (
                <p class="hint">
                  The first {countText(rows.length)} of {countText(found)}.
                </p>
              )}
            </>
          )
        }
      </Shown>
      {aborting !== undefined && (
        <AbortTransaction transaction={aborting} onClose={() => setAborting(undefined)} onDone={transactions.reload} />
      )}
    </>
  );
}

function Row(props: { readonly transaction: TransactionDescription; readonly nowMs: number; readonly onAbort: () => void }): VNode {
  const { transaction, nowMs, onAbort } = props;
  const { transactionalId, state, startTime, timeoutMs, producerId, producerEpoch, partitions } = transaction;
  return (
    <tr>
      <HeadCell>{transactionalId}</HeadCell>
      <Cell>
        <Badge tone={open.has(state) ? "accent" : undefined}>{state}</Badge>
      </Cell>
      <Cell>{startTime === undefined ? "" : durationText(nowMs - startTime)}</Cell>
      <Cell isExtra>{timeoutMs < 0 ? "" : durationText(timeoutMs)}</Cell>
      <Cell isNumber isExtra>
        {producerId}, epoch {producerEpoch}
      </Cell>
      <Cell isMono>{partitions.map(({ topic, partition }) => `${topic} ${partition}`).join(", ")}</Cell>
      <Cell>
        {state === "Ongoing" && (
          <button type="button" class="danger" aria-label={`Abort the transaction of ${transactionalId}`} onClick={onAbort}>
            Abort
          </button>
        )}
      </Cell>
    </tr>
  );
}

function AbortTransaction(props: {
  readonly transaction: TransactionDescription;
  readonly onClose: () => void;
  readonly onDone: () => void;
}): VNode {
  const { transaction, onClose, onDone } = props;
  const { admin } = useSession();
  const abort = useAction(async () => {
    await admin.abortTransaction(transaction.transactionalId);
    onDone();
    onClose();
  });
  return (
    <Dialog title={`Abort the transaction of ${transaction.transactionalId}`} onClose={onClose}>
      <Form onSubmit={() => abort.run()}>
        <p>
          Nothing that it wrote will be seen by readers of committed records. Its producer is fenced: it fails with its next request
          and has to be started anew.
        </p>
        {abort.fault !== undefined && <FaultNote fault={abort.fault} />}
        <Buttons submit="Abort it" isDangerous isBusy={abort.isBusy} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
