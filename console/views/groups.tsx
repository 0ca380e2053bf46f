/** All consumer groups: their state, who is in them, how far behind they are. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countText, plural } from "../lib/format.ts";
import { lagOf } from "../lib/offset-reset.ts";
import { hrefOf } from "../lib/route.ts";
import { groupPartitions } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { TextField } from "../parts/fields.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Badge, Cell, HeadCell, Table } from "../parts/table.tsx";
import { useLoad } from "../parts/use-load.ts";

/** Each is asked about. */
const rowsMax = 50;
const everyMs = 5000;

export function GroupsView(): VNode {
  const { admin } = useSession();
  const [search, setSearch] = useState("");
  const groups = useLoad(
    async (signal) => {
      const all = await admin.listGroups({ signal });
      const found = all
        .filter(({ groupId }) => groupId.toLowerCase().includes(search.toLowerCase()))
        .sort((left, right) => left.groupId.localeCompare(right.groupId));
      const rows = await Promise.all(
        found.slice(0, rowsMax).map(async (listing) => {
          const description = await admin.describeGroup(listing.groupId, { signal });
          const assigned = description.members.flatMap(({ assignment }) => assignment);
          const partitions = await groupPartitions(admin, listing.groupId, assigned, signal);
          return { ...listing, members: description.members.length, lag: partitions.reduce((sum, each) => sum + lagOf(each), 0) };
        }),
      );
      return { all: all.length, found: found.length, rows };
    },
    `groups ${search}`,
    everyMs,
  );
  return (
    <>
      <h1>Groups</h1>
      <TextField label="Find" type="search" value={search} onInput={setSearch} placeholder="part of a name" />
      <Shown of={groups} what="groups">
        {({ all, found, rows }) =>
          all === 0 ? (
            <Empty title="No groups yet">
              A group is there as soon as a consumer joins it: <code>kcat -b 127.0.0.1:9092 -G readers hello</code>
            </Empty>
          ) : rows.length === 0 ? (
            <Empty title="No group is called so">{plural(all, "group")} of other names.</Empty>
          ) : (
            <>
              <Table
                label="Groups"
                columns={[
                  { name: "Group" },
                  { name: "State" },
                  { name: "Protocol", isExtra: true },
                  { name: "Members", isNumber: true },
                  { name: "Lag", isNumber: true },
                ]}
              >
                {rows.map(({ groupId, state, type, members, lag }) => (
                  <tr key={groupId}>
                    <HeadCell>
                      <a href={hrefOf({ view: "group", group: groupId })}>{groupId}</a>
                    </HeadCell>
                    <Cell>
                      <GroupState state={state} />
                    </Cell>
                    <Cell isExtra>{type}</Cell>
                    <Cell isNumber>{countText(members)}</Cell>
                    <Cell isNumber>{countText(lag)}</Cell>
                  </tr>
                ))}
              </Table>
              {found > rows.length && (
                <p class="hint">
                  The first {countText(rows.length)} of {countText(found)}. Find the others by a part of their names.
                </p>
              )}
            </>
          )
        }
      </Shown>
    </>
  );
}

export function GroupState({ state }: { readonly state: string }): VNode {
  const tone = state === "Stable" ? "good" : state === "Empty" || state === "Dead" ? undefined : "accent";
  return <Badge tone={tone}>{state}</Badge>;
}
