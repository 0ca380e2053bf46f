/** One group: who is in it and reads what, how far behind each partition is and was, and where its offsets are to go. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import type { GroupDescription, GroupMemberDescription, TopicPartition } from "../../client/client.ts";
import { countText } from "../lib/format.ts";
import { History } from "../lib/history.ts";
import { type GroupPartition, lagOf } from "../lib/offset-reset.ts";
import { hrefOf } from "../lib/route.ts";
import { groupPartitions } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { Plot, Sparkline } from "../parts/plot.tsx";
import { Head } from "../parts/one-and-many.tsx";
import { Empty, FaultNote, Shown } from "../parts/states.tsx";
import { Cell, HeadCell, Table } from "../parts/table.tsx";
import { useAction, useLoad } from "../parts/use-load.ts";
import { GroupState, groupName } from "./groups.tsx";
import { ResetOffsets } from "./reset-offsets.tsx";

const everyMs = 3000;
/** A sparkline is 80 pixels wide, and a group may read thousands of partitions. */
const sparkPoints = 80;

interface Standing {
  readonly description: GroupDescription;
  readonly partitions: readonly GroupPartition[];
  readonly atMs: number;
}

export function GroupView({ group }: { readonly group: string }): VNode {
  const { admin } = useSession();
  const [open, setOpen] = useState<"reset" | "delete">();
  const lags = useRef(new Lags());
  const standing = useLoad<Standing>(
    async (signal) => {
      const description = await admin.describeGroup(group, { signal });
      const assigned = description.members.flatMap(({ assignment }) => assignment);
      const partitions = await groupPartitions(admin, group, assigned, signal);
      const atMs = Date.now();
      lags.current.add(atMs, partitions);
      return { description, partitions, atMs };
    },
    `group ${group}`,
    everyMs,
  );
  const close = (): void => setOpen(undefined);
  return (
    <>
      <Head name={groupName(group)} all={{ href: hrefOf({ view: "groups" }), text: "Groups" }}>
        <button type="button" onClick={() => setOpen("reset")}>
          Reset offsets
        </button>
        <button type="button" class="danger" onClick={() => setOpen("delete")}>
          Delete
        </button>
      </Head>
      <Shown of={standing} what="group">
        {({ description, partitions, atMs }) => (
          <>
            <p class="summary">
              <GroupState state={description.state} /> {description.type} protocol
              {description.assignor !== "" && `, assigned by ${description.assignor}`}
            </p>
            {description.state === "Dead" ? (
              <Empty title="No such group">
                It has no members and no offsets: it was deleted, its offsets were kept long enough, or there never was one. It is
                there as soon as a consumer joins it.
              </Empty>
            ) : (
              <Members members={description.members} />
            )}
            {description.state !== "Dead" && (
              <Lag partitions={partitions} lags={lags.current} atMs={atMs} owners={ownersOf(description.members)} />
            )}
            {open === "reset" && (
              <ResetOffsets
                group={group}
                partitions={partitions}
                hasMembers={description.members.length > 0}
                onClose={close}
                onDone={standing.reload}
              />
            )}
            {open === "delete" && <DeleteGroup group={group} onClose={close} />}
          </>
        )}
      </Shown>
    </>
  );
}

function Members({ members }: { readonly members: readonly GroupMemberDescription[] }): VNode {
  return (
    <section>
      <h2>Members</h2>
      {members.length === 0 ? (
        <Empty title="Nobody is in the group">Its offsets stay, so that whoever joins goes on where the group was.</Empty>
      ) : (
        <Table
          label="Members"
          columns={[{ name: "Member" }, { name: "Client", isExtra: true }, { name: "Host", isExtra: true }, { name: "Reads" }]}
        >
          {members.map(({ memberId, groupInstanceId, clientId, clientHost, assignment }) => (
            <tr key={memberId}>
              <th scope="row" class="mono">
                {groupInstanceId ?? memberId}
              </th>
              <Cell isExtra>{clientId}</Cell>
              <Cell isExtra isMono>
                {clientHost === "/" ? <span class="null">not told</span> : clientHost}
              </Cell>
              <Cell isMono>{assignment.length === 0 ? <span class="null">nothing</span> : assignmentText(assignment)}</Cell>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Lag(props: {
  readonly partitions: readonly GroupPartition[];
  readonly lags: Lags;
  readonly atMs: number;
  readonly owners: ReadonlyMap<string, string>;
}): VNode {
  const { partitions, lags, atMs, owners } = props;
  if (partitions.length === 0)
    return (
      <Empty title="Nothing committed">
        The group has neither committed an offset nor been given a partition of a topic that exists.
      </Empty>
    );
  return (
    <section>
      <h2>Lag</h2>
      <Plot
        label="Records that the group has not read"
        nowMs={atMs}
        text={(value) => countText(Math.round(value))}
        heightPx={140}
        series={[{ name: "all partitions", tone: "lag", points: lags.total.points }]}
      />
      <Table
        label="Lag by partition"
        columns={[
          { name: "Partition" },
          { name: "Committed", isNumber: true },
          { name: "End", isNumber: true },
          { name: "Lag", isNumber: true },
          { name: "since the page opened", isExtra: true },
          { name: "Read by", isExtra: true },
        ]}
      >
        {partitions.map((each) => {
          const key = keyOf(each);
          return (
            <tr key={key}>
              <HeadCell>
                <a href={hrefOf({ view: "topic", topic: each.topic, tab: "records" })}>{each.topic}</a> {each.partition}
              </HeadCell>
              <Cell isNumber>{each.committed === undefined ? <span class="null">none</span> : countText(each.committed)}</Cell>
              <Cell isNumber>{countText(each.end)}</Cell>
              <Cell isNumber>{countText(lagOf(each))}</Cell>
              <Cell isExtra>
                <Sparkline points={lags.of(key)} tone="lag" />
              </Cell>
              <Cell isExtra isMono>
                {owners.get(key) ?? <span class="null">nobody</span>}
              </Cell>
            </tr>
          );
        })}
      </Table>
    </section>
  );
}

function DeleteGroup({ group, onClose }: { readonly group: string; readonly onClose: () => void }): VNode {
  const { admin } = useSession();
  const remove = useAction(async () => {
    await admin.deleteGroups([group]);
    location.hash = hrefOf({ view: "groups" });
  });
  return (
    <Dialog title={`Delete ${groupName(group)}`} onClose={onClose}>
      <Form onSubmit={() => remove.run()}>
        <p>Its committed offsets go. Whoever joins a group of this name later begins where its own settings say.</p>
        {remove.fault !== undefined && <FaultNote fault={remove.fault} />}
        <Buttons submit="Delete the group" isDangerous isBusy={remove.isBusy} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

/** What this page has seen of the lag. */
class Lags {
  readonly total = new History();
  readonly #each = new Map<string, History>();

  add(atMs: number, partitions: readonly GroupPartition[]): void {
    this.total.add(
      atMs,
      partitions.reduce((sum, each) => sum + lagOf(each), 0),
    );
    for (const each of partitions) {
      const key = keyOf(each);
      const history = this.#each.get(key) ?? new History(sparkPoints);
      this.#each.set(key, history);
      history.add(atMs, lagOf(each));
    }
  }

  of(key: string) {
    return this.#each.get(key)?.points ?? [];
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`;
}

function ownersOf(members: readonly GroupMemberDescription[]): ReadonlyMap<string, string> {
  return new Map(
    members.flatMap(({ memberId, groupInstanceId, assignment }) =>
      assignment.map((each) => [keyOf(each), groupInstanceId ?? memberId] as const),
    ),
  );
}

/** `orders 0–2, 5`. */
function assignmentText(assignment: readonly TopicPartition[]): string {
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of assignment) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
  return [...byTopic]
    .map(([topic, partitions]) => `${topic} ${rangesText(partitions.sort((left, right) => left - right))}`)
    .join("; ");
}

function rangesText(sorted: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const each of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && each === last[1] + 1) last[1] = each;
    else ranges.push([each, each]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`)).join(", ");
}
