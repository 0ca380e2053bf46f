/** All consumer groups: their state, who is in them, how far behind they are. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { againIfGone } from "../lib/faults.ts";
import { countText } from "../lib/format.ts";
import { lagOf } from "../lib/offset-reset.ts";
import { hrefOf } from "../lib/route.ts";
import { groupPartitions } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { FoundList } from "../parts/one-and-many.tsx";
import { Badge, Cell, HeadCell } from "../parts/table.tsx";
import { useLoad } from "../parts/use-load.ts";

/** Each is asked about. */
const rowsMax = 50;
const everyMs = 5000;

export function GroupsView(): VNode {
  const { admin } = useSession();
  const [search, setSearch] = useState("");
  const groups = useLoad(
    async (signal) =>
      await againIfGone(async () => {
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
      }),
    `groups ${search}`,
    everyMs,
  );
  return (
    <>
      <h1>Groups</h1>
      <FoundList
        of={groups}
        kind="group"
        label="Groups"
        search={search}
        onSearch={setSearch}
        columns={[
          { name: "Group" },
          { name: "State" },
          { name: "Protocol", isExtra: true },
          { name: "Members", isNumber: true },
          { name: "Lag", isNumber: true },
        ]}
        whenNone={
          <>
            A group is there as soon as a consumer joins it: <code>kcat -b 127.0.0.1:9092 -G readers hello</code>
          </>
        }
      >
        {({ groupId, state, type, members, lag }) => (
          <tr key={groupId}>
            <HeadCell>
              <a href={hrefOf({ view: "group", group: groupId })}>{groupName(groupId)}</a>
            </HeadCell>
            <Cell>
              <GroupState state={state} />
            </Cell>
            <Cell isExtra>{type}</Cell>
            <Cell isNumber>{countText(members)}</Cell>
            <Cell isNumber>{countText(lag)}</Cell>
          </tr>
        )}
      </FoundList>
    </>
  );
}

/** Consumers without a group name may commit, as with Kafka. */
export function groupName(groupId: string): string {
  return groupId === "" ? "(without a name)" : groupId;
}

export function GroupState({ state }: { readonly state: string }): VNode {
  const tone = state === "Stable" ? "good" : state === "Empty" || state === "Dead" ? undefined : "accent";
  return <Badge tone={tone}>{state}</Badge>;
}
