/** A modal dialog: the browser's own, which keeps the focus inside, closes on Escape and gives the focus back. */
import type { ComponentChildren, VNode } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly isWide?: boolean;
}): VNode {
  const { title, onClose, children, isWide = false } = props;
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={isWide ? "wide" : undefined}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </div>
      {children}
    </dialog>
  );
}

export function Form(props: {
  readonly onSubmit: () => void;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly label?: string;
}): VNode {
  return (
    <form
      class={props.class}
      aria-label={props.label}
      onSubmit={(event) => {
        event.preventDefault();
        props.onSubmit();
      }}
    >
      {props.children}
    </form>
  );
}

/** The buttons below a dialog's form. */
export function Buttons(props: {
  readonly submit: string;
  readonly isBusy?: boolean;
  readonly isDisabled?: boolean;
  readonly isDangerous?: boolean;
  readonly onClose: () => void;
  readonly closeLabel?: string;
}): VNode {
  const { submit, isBusy = false, isDisabled = false, isDangerous = false, onClose, closeLabel = "Cancel" } = props;
  return (
    <div class="buttons">
      <button type="button" onClick={onClose}>
        {closeLabel}
      </button>
      <button type="submit" class={isDangerous ? "danger" : "primary"} disabled={isDisabled || isBusy}>
        {isBusy ? "Working…" : submit}
      </button>
    </div>
  );
}
