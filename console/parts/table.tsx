/** A table that scrolls by itself where it is too wide, also by keyboard, so that the page never does. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Column {
  readonly name: ComponentChildren;
  /** Numbers stand right, to be compared. */
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isExtra?: boolean;
}

export function Table(props: {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly children: ComponentChildren;
  readonly class?: string;
}): VNode {
  return (
    <div class="scroll" role="region" aria-label={props.label} tabIndex={0}>
      <table class={props.class}>
        <thead>
          <tr>
            {props.columns.map(({ name, isNumber, isExtra }, index) => (
              <th key={index} scope="col" class={classOf(isNumber, isExtra)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}

export function Cell(props: {
  readonly children?: ComponentChildren;
  readonly isNumber?: boolean;
  readonly isExtra?: boolean;
  readonly isMono?: boolean;
}): VNode {
  const { children, isNumber, isExtra, isMono } = props;
  return <td class={[classOf(isNumber, isExtra), isMono === true ? "mono" : ""].join(" ").trim() || undefined}>{children}</td>;
}

/** What a row is about. */
export function HeadCell({ children }: { readonly children: ComponentChildren }): VNode {
  return <th scope="row">{children}</th>;
}

function classOf(isNumber = false, isExtra = false): string | undefined {
  return [isNumber ? "number" : "", isExtra ? "extra" : ""].join(" ").trim() || undefined;
}

export function Badge({ tone, children }: { readonly tone?: string; readonly children: ComponentChildren }): VNode {
  return <span class={`badge ${tone ?? ""}`}>{children}</span>;
}

/** Whether the stylesheet leaves the extra columns out. */
export function useNarrow(): boolean {
  const [query] = useState(() => matchMedia("(max-width: 760px)"));
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const onChange = (): void => setNarrow(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, [query]);
  return isNarrow;
}
