/** One topic: its records, its partitions, its configs, and what can be done to it. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countText, plural } from "../lib/format.ts";
import { type TopicTab, hrefOf, topicTabs } from "../lib/route.ts";
import { type TopicFigures, recordsOf, topicFigures } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { Head } from "../parts/one-and-many.tsx";
import { Shown } from "../parts/states.tsx";
import { useLoad } from "../parts/use-load.ts";
import { AddPartitions, DeleteTopic } from "./change-topic.tsx";
import { Configs } from "./configs.tsx";
import { Partitions } from "./partitions.tsx";
import { Produce } from "./produce.tsx";
import { Records } from "./records.tsx";

const tabTexts: Readonly<Record<TopicTab, string>> = { records: "Records", partitions: "Partitions", configs: "Configs" };
const everyMs = 2000;

type Open = "produce" | "partitions" | "delete";

export function TopicView({ topic, tab }: { readonly topic: string; readonly tab: TopicTab }): VNode {
  const { admin } = useSession();
  const [open, setOpen] = useState<Open>();
  const [isDeleted, setDeleted] = useState(false);
  const figures = useLoad(
    async (signal) => (await topicFigures(admin, [topic], signal))[0]!,
    topic,
    isDeleted ? undefined : everyMs,
  );
  const close = (): void => setOpen(undefined);
  return (
    <>
      <Head name={topic} all={{ href: hrefOf({ view: "topics" }), text: "Topics" }}>
        <button type="button" class="primary" onClick={() => setOpen("produce")}>
          Produce
        </button>
        <button type="button" onClick={() => setOpen("partitions")}>
          Add partitions
        </button>
        <button type="button" class="danger" onClick={() => setOpen("delete")}>
          Delete
        </button>
      </Head>
      <Shown of={figures} what="topic">
        {(value) => (
          <>
            <Summary topic={value} />
            <nav class="tabs" aria-label={`Parts of ${topic}`}>
              {topicTabs.map((each) => (
                <a key={each} href={hrefOf({ view: "topic", topic, tab: each })} aria-current={each === tab ? "page" : undefined}>
                  {tabTexts[each]}
                </a>
              ))}
            </nav>
            {tab === "records" && !isDeleted && <Records key={value.id} topic={topic} partitions={value.partitions.length} />}
            {tab === "partitions" && <Partitions topic={value} isGone={isDeleted || figures.fault?.kind === "missing"} />}
            {tab === "configs" && <Configs topic={topic} />}
            {open === "produce" && <Produce topic={topic} partitions={value.partitions.length} onClose={close} />}
            {open === "partitions" && (
              <AddPartitions topic={topic} count={value.partitions.length} onClose={close} onDone={figures.reload} />
            )}
            {open === "delete" && <DeleteTopic topic={topic} onClose={close} onDelete={setDeleted} />}
          </>
        )}
      </Shown>
    </>
  );
}

function Summary({ topic }: { readonly topic: TopicFigures }): VNode {
  return (
    <p class="summary">
      {plural(topic.partitions.length, "partition")}, {countText(recordsOf(topic))} {recordsOf(topic) === 1 ? "record" : "records"},
      id <code>{topic.id}</code>
    </p>
  );
}
