/**
 * The partitions of a topic: where each log begins and ends, and where its bytes lie in between, all bars to one scale and growing as
 * records come, change their place and go. A topic with many is shown a hundred at a time, which is what the server tells at once.
 */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type PartitionExtents, type Run, type TopicExtents, bytesOf, piecesOf, runAt, totalsOf } from "../lib/extents.ts";
import { bytesText, countText, plural } from "../lib/format.ts";
import { kindTexts, storedKinds } from "../lib/stored-kinds.ts";
import type { TopicFigures } from "../lib/topic-figures.ts";
import { useSession } from "../parts/context.ts";
import { SelectField } from "../parts/fields.tsx";
import { FaultNote } from "../parts/states.tsx";
import { Cell, HeadCell, Table } from "../parts/table.tsx";
import { useLoad } from "../parts/use-load.ts";

const everyMs = 2000;
const shownMax = 100;
const [barWidth, barHeight] = [1000, 18];

/** Of a topic that is gone nothing is asked any more. */
export function Partitions({ topic, isGone }: { readonly topic: TopicFigures; readonly isGone: boolean }): VNode {
  const session = useSession();
  const [chosen, setFirst] = useState(0);
  const first = chosen < topic.partitions.length ? chosen : 0;
  const extents = useLoad(
    async (signal) => {
      if (isGone) return undefined;
      const response = await session.get(`topics/${encodeURIComponent(topic.name)}/extents?first=${first}`, signal);
      return response === undefined ? undefined : ((await response.json()) as TopicExtents);
    },
    `extents ${topic.name} ${first}`,
    isGone ? undefined : everyMs,
  );
  const known = new Map(extents.value?.partitions.map((each) => [each.partition, each]));
  const sizes = [...known.values()].map(({ runs }) => runs.reduce((sum, run) => sum + bytesOf(run), 0));
  const fullBytes = Math.max(0, ...sizes);
  return (
    <>
      {extents.fault !== undefined && (
        <FaultNote fault={extents.fault} onRetry={extents.reload} prefix="Where the bytes lie is not known. " />
      )}
      {topic.partitions.length > shownMax && <Pages count={topic.partitions.length} first={first} onChoose={setFirst} />}
      <Key all={[...known.values()].flatMap(({ runs }) => runs)} />
      <Table
        label="Partitions"
        class="partitions"
        columns={[
          { name: "Partition" },
          { name: "Start", isNumber: true, isExtra: true },
          { name: "Where its bytes lie" },
          { name: "End", isNumber: true },
          { name: "Bytes", isNumber: true },
          { name: "Undecided", isNumber: true, isExtra: true },
          { name: "Broker", isNumber: true, isExtra: true },
        ]}
      >
        {topic.partitions.slice(first, first + shownMax).map(({ partition, start, end, stableEnd, leader }) => {
          const found = known.get(partition);
          return (
            <tr key={partition}>
              <HeadCell>{partition}</HeadCell>
              <Cell isNumber isExtra>
                {countText(start)}
              </Cell>
              <Cell>{found === undefined ? "" : <Bar extents={found} fullBytes={fullBytes} />}</Cell>
              <Cell isNumber>{countText(end)}</Cell>
              <Cell isNumber>{found === undefined ? "…" : bytesText(found.runs.reduce((sum, run) => sum + bytesOf(run), 0))}</Cell>
              <Cell isNumber isExtra>
                {countText(Math.max(0, end - stableEnd))}
              </Cell>
              <Cell isNumber isExtra>
                {leader}
              </Cell>
            </tr>
          );
        })}
      </Table>
      <p class="hint">
        From the oldest record on the left to the newest; a piece is an extent, and its width its bytes, on the same scale in all
        bars. Undecided are records behind the first open transaction.
      </p>
    </>
  );
}

function Pages(props: { readonly count: number; readonly first: number; readonly onChoose: (first: number) => void }): VNode {
  const { count, first, onChoose } = props;
  const pages = Array.from({ length: Math.ceil(count / shownMax) }, (_, index) => index * shownMax);
  return (
    <SelectField
      label="Which partitions"
      value={String(first)}
      options={pages.map((each) => [String(each), `${each} to ${Math.min(count, each + shownMax) - 1}`] as const)}
      onChange={(value) => onChoose(Number(value))}
    />
  );
}

function Key({ all }: { readonly all: readonly Run[] }): VNode {
  const totals = totalsOf(all);
  return (
    <ul class="key" aria-label="Bytes by where they lie">
      {storedKinds.map((kind) => (
        <li key={kind}>
          <i class={`swatch kind ${kind}`} aria-hidden="true" />
          {kindTexts[kind].name} <b>{bytesText(totals[kind])}</b>
        </li>
      ))}
    </ul>
  );
}

function Bar({ extents, fullBytes }: { readonly extents: PartitionExtents; readonly fullBytes: number }): VNode {
  const [pointed, setPointed] = useState<Run>();
  const { runs, partition } = extents;
  const pieces = piecesOf(runs, fullBytes, barWidth);
  // A gap tells neighbours apart as long as it leaves something of them.
  const rectangle = ({ x, width }: (typeof pieces)[number]): string =>
    `M${x.toFixed(2)} 0h${Math.max(0.6, width > 5 ? width - 1.5 : width).toFixed(2)}v${barHeight}H${x.toFixed(2)}z`;
  return (
    <div class="extents">
      <svg
        viewBox={`0 0 ${barWidth} ${barHeight}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Partition ${partition}: ${summaryOf(runs)}`}
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          setPointed(runAt(runs, fullBytes, (event.clientX - left) / width));
        }}
        onPointerLeave={() => setPointed(undefined)}
      >
        {storedKinds.map((kind) => (
          <path
            key={kind}
            class={`kind ${kind}`}
            d={pieces
              .filter((piece) => piece.kind === kind)
              .map(rectangle)
              .join("")}
          />
        ))}
      </svg>
      <small class={pointed === undefined ? undefined : "pointed"}>
        {pointed === undefined ? extentsText(runs) : runText(pointed)}
      </small>
    </div>
  );
}

function extentsText(runs: readonly Run[]): string {
  const count = runs.reduce((sum, { extents }) => sum + extents, 0);
  return count === 0 ? "empty" : plural(count, "extent");
}

function runText({ baseOffset, nextOffset, extents, bytes }: Run): string {
  const kinds = storedKinds.filter((kind) => bytes[kind] > 0).map((kind) => `${bytesText(bytes[kind])} ${kindTexts[kind].name}`);
  const several = extents === 1 ? "" : `, ${countText(extents)} extents`;
  return `${countText(baseOffset)} to ${countText(nextOffset - 1)}${several}: ${kinds.join(", ")}`;
}

function summaryOf(runs: readonly Run[]): string {
  const totals = totalsOf(runs);
  const kinds = storedKinds.filter((kind) => totals[kind] > 0).map((kind) => `${bytesText(totals[kind])} ${kindTexts[kind].name}`);
  return kinds.length === 0 ? "empty" : `${extentsText(runs)}, ${kinds.join(", ")}`;
}
