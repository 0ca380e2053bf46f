/**
 * The frames that lists and single things are shown in: the head of one thing with the way back to all of its kind, and a list that is found
 * in by a part of a name and says so when it is empty, when nothing is called so, and when there are more than are shown.
 */
import type { ComponentChildren, VNode } from "preact";
import { countText, plural } from "../lib/format.ts";
import { Empty, Shown } from "./states.tsx";
import { Table, type Column } from "./table.tsx";
import { TextField } from "./fields.tsx";
import type { Loaded } from "./use-load.ts";

export function Head(props: {
  readonly name: string;
  /** All of its kind. */
  readonly all: { readonly href: string; readonly text: string };
  /** Buttons. */
  readonly children: ComponentChildren;
}): VNode {
  const { name, all, children } = props;
  return (
    <>
      <p class="trail">
        <a href={all.href}>{all.text}</a>
      </p>
      <div class="head">
        <h1 class="mono">{name}</h1>
        <span class="actions">{children}</span>
      </div>
    </>
  );
}

export interface Listing<Row> {
  /** How many there are, and how many of them are called so. */
  readonly all: number;
  readonly found: number;
  /** The first of those. */
  readonly rows: readonly Row[];
}

export function FoundList<Row>(props: {
  readonly of: Loaded<Listing<Row>>;
  /** "topic". */
  readonly kind: string;
  readonly label: string;
  readonly search: string;
  readonly onSearch: (search: string) => void;
  readonly columns: readonly Column[];
  /** What to do when there are none. */
  readonly whenNone: ComponentChildren;
  readonly children: (row: Row) => VNode;
}): VNode {
  const { of, kind, label, search, onSearch, columns, whenNone, children } = props;
  return (
    <>
      <TextField label="Find" type="search" value={search} onInput={onSearch} placeholder="part of a name" />
      <Shown of={of} what={`${kind}s`}>
        {({ all, found, rows }) => {
          if (all === 0) return <Empty title={`No ${kind}s yet`}>{whenNone}</Empty>;
          if (rows.length === 0) return <Empty title={`No ${kind} is called so`}>{plural(all, kind)} of other names.</Empty>;
          return (
            <>
              <Table label={label} columns={columns}>
                {rows.map(children)}
              </Table>
              {found > rows.length && (
                <p class="hint">
                  The first {countText(rows.length)} of {countText(found)}. Find the others by a part of their names.
                </p>
              )}
            </>
          );
        }}
      </Shown>
    </>
  );
}
