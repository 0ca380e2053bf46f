/** The partitions of a topic: where each log begins and ends, and where in between its bytes lie. */
import type { VNode } from "preact";
import { countText } from "../lib/format.ts";
import type { TopicFigures } from "../lib/topic-figures.ts";
import { Cell, HeadCell, Table } from "../parts/table.tsx";

export function Partitions({ topic }: { readonly topic: TopicFigures }): VNode {
  return (
    <Table
      label="Partitions"
      columns={[
        { name: "Partition" },
        { name: "Start", isNumber: true },
        { name: "End", isNumber: true },
        { name: "Records", isNumber: true },
        { name: "Undecided", isNumber: true, isExtra: true },
        { name: "Broker", isNumber: true, isExtra: true },
      ]}
    >
      {topic.partitions.map(({ partition, start, end, stableEnd, leader }) => (
        <tr key={partition}>
          <HeadCell>{partition}</HeadCell>
          <Cell isNumber>{countText(start)}</Cell>
          <Cell isNumber>{countText(end)}</Cell>
          <Cell isNumber>{countText(end - start)}</Cell>
          <Cell isNumber isExtra>
            {countText(end - stableEnd)}
          </Cell>
          <Cell isNumber isExtra>
            {leader}
          </Cell>
        </tr>
      ))}
    </Table>
  );
}
