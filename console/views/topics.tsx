/** All topics, with how much is in them and how fast it grows, and the way to make one. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { againIfGone } from "../lib/faults.ts";
import { countText, shortCount } from "../lib/format.ts";
import { hrefOf } from "../lib/route.ts";
import { endsOf, recordsOf, topicFigures } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { FoundList } from "../parts/one-and-many.tsx";
import { Cell, HeadCell } from "../parts/table.tsx";
import { useLoad } from "../parts/use-load.ts";
import { CreateTopic } from "./create-topic.tsx";

/** More rows help nobody, and each is asked about. */
const rowsMax = 100;
const everyMs = 3000;

export function TopicsView(): VNode {
  const { admin } = useSession();
  const [search, setSearch] = useState("");
  const [isCreating, setCreating] = useState(false);
  const before = useRef(new Map<string, { readonly ends: number; readonly atMs: number }>());
  const listing = useLoad(
    async (signal) => {
      const { names, found, figures } = await againIfGone(async () => {
        const all = await admin.listTopics({ signal });
        const matching = all.filter((name) => name.toLowerCase().includes(search.toLowerCase()));
        return { names: all, found: matching, figures: await topicFigures(admin, matching.slice(0, rowsMax), signal) };
      });
      const atMs = performance.now();
      const rows = figures.map((topic) => {
        const ends = endsOf(topic);
        const last = before.current.get(topic.name);
        before.current.set(topic.name, { ends, atMs });
        const perSecond = last === undefined ? undefined : Math.max(0, ((ends - last.ends) * 1000) / (atMs - last.atMs));
        return { ...topic, perSecond };
      });
      return { all: names.length, found: found.length, rows };
    },
    `topics ${search}`,
    everyMs,
  );
  return (
    <>
      <div class="head">
        <h1>Topics</h1>
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create a topic
        </button>
      </div>
      <FoundList
        of={listing}
        kind="topic"
        label="Topics"
        search={search}
        onSearch={setSearch}
        columns={[
          { name: "Topic" },
          { name: "Partitions", isNumber: true },
          { name: "Records", isNumber: true },
          { name: "Records/s", isNumber: true },
        ]}
        whenNone={
          <>
            Create one here, or produce to a name that does not exist: <code>echo hello | kcat -b 127.0.0.1:9092 -t hello -P</code>
          </>
        }
      >
        {(topic) => (
          <tr key={topic.name}>
            <HeadCell>
              <a href={hrefOf({ view: "topic", topic: topic.name, tab: "records" })}>{topic.name}</a>
            </HeadCell>
            <Cell isNumber>{countText(topic.partitions.length)}</Cell>
            <Cell isNumber>{countText(recordsOf(topic))}</Cell>
            <Cell isNumber>{topic.perSecond === undefined ? "…" : shortCount(topic.perSecond)}</Cell>
          </tr>
        )}
      </FoundList>
      {isCreating && <CreateTopic onClose={() => setCreating(false)} onCreated={listing.reload} />}
    </>
  );
}
