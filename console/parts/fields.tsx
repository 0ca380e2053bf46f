/** Labelled inputs. What an input is for stands above it, what it may be below it, and both belong to it for whoever hears the page. */
import type { ComponentChildren, VNode } from "preact";
import { useId } from "preact/hooks";

export function TextField(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: ComponentChildren;
  readonly error?: string | undefined;
  readonly type?: "text" | "number" | "search" | "datetime-local";
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly placeholder?: string;
  readonly isDisabled?: boolean;
  readonly isFocused?: boolean;
  readonly rows?: number;
  readonly isMono?: boolean;
}): VNode {
  const { label, value, onInput, hint, error, type = "text", placeholder, isDisabled, isFocused, rows, isMono } = props;
  const id = useId();
  const described = hint === undefined && error === undefined ? undefined : `${id}-hint`;
  // Preact's types want to know which one it is.
  const kind = { type } as { readonly type: "text" };
  const common = {
    id,
    value,
    placeholder,
    disabled: isDisabled,
    autofocus: isFocused,
    class: isMono === true ? "mono" : undefined,
    spellcheck: false,
    autocomplete: "off" as const,
    "aria-describedby": described,
    "aria-invalid": error === undefined ? undefined : ("true" as const),
    onInput: (event: { readonly currentTarget: { readonly value: string } }) => onInput(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {rows === undefined ? (
        <input {...common} {...kind} min={props.min} max={props.max} step={props.step} />
      ) : (
        <textarea {...common} rows={rows} />
      )}
      {described !== undefined && (
        <p id={described} class={error === undefined ? "hint" : "hint error"}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

export function SelectField<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
  readonly isDisabled?: boolean;
}): VNode {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        disabled={props.isDisabled}
        onChange={(event) => props.onChange(event.currentTarget.value as Value)}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

export function CheckField(props: {
  readonly label: string;
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
}): VNode {
  return (
    <label class="check">
      <input type="checkbox" checked={props.isChecked} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      {props.label}
    </label>
  );
}
