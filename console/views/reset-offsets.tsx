/**
 * Moves a group's offsets: where to, of which topic, and what that means for each partition before it is done. What the preview shows is
 * what is committed.
 */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countText, localInputText } from "../lib/format.ts";
import { type GroupPartition, type ResetTarget, lagOf, planReset } from "../lib/offset-reset.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { FaultNote } from "../parts/states.tsx";
import { Cell, HeadCell, Table } from "../parts/table.tsx";
import { useAction, useLoad } from "../parts/use-load.ts";
import { groupName } from "./groups.tsx";

type Kind = ResetTarget["kind"];

export function ResetOffsets(props: {
  readonly group: string;
  readonly partitions: readonly GroupPartition[];
  readonly hasMembers: boolean;
  readonly onClose: () => void;
  readonly onDone: () => void;
}): VNode {
  const { group, partitions, hasMembers, onClose, onDone } = props;
  const { admin } = useSession();
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const [topic, setTopic] = useState("");
  const [kind, setKind] = useState<Kind>("earliest");
  const [offset, setOffset] = useState("0");
  const [shift, setShift] = useState("-10");
  const [time, setTime] = useState(() => localInputText(Date.now() - 3_600_000));
  const chosen = partitions.filter((each) => topic === "" || each.topic === topic);
  const atMs = new Date(time).getTime();
  const found = useLoad(
    async (signal) =>
      kind === "time" && Number.isFinite(atMs) && chosen.length > 0
        ? (await admin.listOffsets(chosen, atMs, { signal })).map((each) => each.offset)
        : [],
    `${kind} ${topic} ${kind === "time" ? time : ""}`,
  );
  // An empty field says nothing, least of all the end of the log or its start.
  const isSaid =
    kind === "time"
      ? Number.isFinite(atMs)
      : kind === "offset"
        ? offset.trim() !== ""
        : kind === "shift"
          ? shift.trim() !== ""
          : true;
  const isWaiting = !isSaid || (kind === "time" && found.value === undefined);
  const plan = planReset(chosen, targetOf(kind, { offset, shift, found: found.value ?? [] }));
  const apply = useAction(async () => {
    await admin.alterGroupOffsets(
      group,
      plan.map(({ topic: name, partition, to }) => ({ topic: name, partition, offset: to })),
    );
    onDone();
    onClose();
  });
  return (
    <Dialog title={`Reset offsets of ${groupName(group)}`} onClose={onClose} isWide>
      <Form onSubmit={() => apply.run()}>
        {hasMembers && (
          <p class="note" role="status">
            <strong>Somebody is reading.</strong> Stop the group's consumers first: while it has members, only they move its
            offsets.
          </p>
        )}
        <div class="row">
          <SelectField<Kind>
            label="To"
            value={kind}
            options={[
              ["earliest", "the start of the log"],
              ["latest", "the end of the log"],
              ["time", "a time"],
              ["offset", "an offset"],
              ["shift", "so many records on or back"],
            ]}
            onChange={setKind}
          />
          {kind === "time" && <TextField label="Time" type="datetime-local" step={1} value={time} onInput={setTime} />}
          {kind === "offset" && <TextField label="Offset" type="number" min={0} value={offset} onInput={setOffset} />}
          {kind === "shift" && (
            <TextField label="Records" type="number" value={shift} onInput={setShift} hint="Less than 0: back." />
          )}
          <SelectField
            label="Topic"
            value={topic}
            options={[["", "all that the group reads"], ...topics.map((name) => [name, name] as const)]}
            onChange={setTopic}
          />
        </div>
        {found.fault !== undefined && <FaultNote fault={found.fault} onRetry={found.reload} />}
        <Table
          label="What would change"
          columns={[
            { name: "Partition" },
            { name: "Committed", isNumber: true },
            { name: "becomes", isNumber: true },
            { name: "Lag", isNumber: true },
            { name: "becomes", isNumber: true },
          ]}
        >
          {plan.map((each) => (
            <tr key={`${each.topic} ${each.partition}`}>
              <HeadCell>
                {each.topic} {each.partition}
              </HeadCell>
              <Cell isNumber>{each.committed === undefined ? <span class="null">none</span> : countText(each.committed)}</Cell>
              <Cell isNumber>{isWaiting ? "…" : <b>{countText(each.to)}</b>}</Cell>
              <Cell isNumber>{countText(lagOf(each))}</Cell>
              <Cell isNumber>{isWaiting ? "…" : countText(each.end - each.to)}</Cell>
            </tr>
          ))}
        </Table>
        {apply.fault !== undefined && <FaultNote fault={apply.fault} />}
        <Buttons
          submit="Reset"
          isDangerous
          isBusy={apply.isBusy}
          isDisabled={plan.length === 0 || isWaiting || hasMembers}
          onClose={onClose}
        />
      </Form>
    </Dialog>
  );
}

function targetOf(
  kind: Kind,
  { offset, shift, found }: { readonly offset: string; readonly shift: string; readonly found: readonly number[] },
): ResetTarget {
  if (kind === "offset") return { kind, offset: Math.max(0, Math.floor(Number(offset)) || 0) };
  if (kind === "shift") return { kind, by: Math.floor(Number(shift)) || 0 };
  return kind === "time" ? { kind, found } : { kind };
}
