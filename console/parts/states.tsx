/** How it looks when there is nothing to show: not yet, still not, not at all, not for you, or not any more. Each says what to do. */
import type { ComponentChildren, VNode } from "preact";
import type { Fault } from "../lib/faults.ts";
import type { Loaded } from "./use-load.ts";

export function Shown<Value>(props: {
  readonly of: Loaded<Value>;
  /** What is being waited for: "topics". */
  readonly what: string;
  readonly children: (value: Value) => ComponentChildren;
}): VNode {
  const { of, what, children } = props;
  const { value, fault, isSlow, reload } = of;
  if (value === undefined) {
    if (fault !== undefined) return <FaultPanel fault={fault} onRetry={reload} />;
    return isSlow ? <Slow what={what} /> : <Loading what={what} />;
  }
  return (
    <>
      {fault !== undefined && <FaultNote fault={fault} onRetry={reload} prefix="What is shown may be old. " />}
      {fault === undefined && isSlow && (
        <p class="note" role="status">
          Still waiting for news of the {what}. What is shown may be old.
        </p>
      )}
      {children(value)}
    </>
  );
}

export function Loading({ what }: { readonly what: string }): VNode {
  return (
    <div class="state loading" role="status">
      <span class="visually-hidden">Loading {what}</span>
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
    </div>
  );
}

export function Slow({ what }: { readonly what: string }): VNode {
  return (
    <div class="state" role="status">
      <h2>Still waiting for the {what}</h2>
      <p>
        The first answer of an idle cluster takes a moment, because its objects have to wake. If this stays, the network is slow or
        the cluster is busy; nothing needs to be pressed.
      </p>
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): VNode {
  return (
    <div class="state">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}

export function FaultPanel({ fault, onRetry }: { readonly fault: Fault; readonly onRetry?: () => void }): VNode {
  return (
    <div class={`state fault ${fault.kind}`} role="alert">
      <h2>{fault.title}</h2>
      <p>{fault.advice}</p>
      <Detail fault={fault} onRetry={onRetry} />
    </div>
  );
}

function Detail({ fault, onRetry }: { readonly fault: Fault; readonly onRetry: (() => void) | undefined }): VNode {
  return (
    <>
      <p class="detail">{fault.detail}</p>
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </>
  );
}

/** One line above what is there. */
export function FaultNote(props: { readonly fault: Fault; readonly onRetry?: () => void; readonly prefix?: string }): VNode {
  const { fault, onRetry, prefix = "" } = props;
  return (
    <div class="note fault" role="alert">
      <p>
        <strong>{fault.title}.</strong> {prefix}
        {fault.advice}
      </p>
      <Detail fault={fault} onRetry={onRetry} />
    </div>
  );
}
