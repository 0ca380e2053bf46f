/** Goes to another virtual cluster of the same deployment. There is no list of them: whoever knows a name may look. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { consoleUrl, isClusterName } from "../lib/place.ts";
import { Buttons, Dialog, Form } from "./dialog.tsx";
import { TextField } from "./fields.tsx";

export function ClusterDialog({ current, onClose }: { readonly current: string; readonly onClose: () => void }): VNode {
  const [name, setName] = useState("");
  const isWrong = name !== "" && !isClusterName(name);
  return (
    <Dialog title="Open another cluster" onClose={onClose}>
      <Form
        onSubmit={() => {
          if (isClusterName(name)) location.assign(consoleUrl(name));
        }}
      >
        <TextField
          label="Name"
          value={name}
          onInput={setName}
          isFocused
          isMono
          hint={`You are in ${current}. A name that nobody has used yet is an empty cluster.`}
          error={isWrong ? "Letters, digits, dot, dash and underscore, at most 63, beginning with a letter or a digit." : undefined}
        />
        <Buttons submit="Open" isDisabled={name === "" || isWrong} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
