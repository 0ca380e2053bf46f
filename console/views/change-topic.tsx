/** What cannot be taken back: more partitions, and a topic's end, for which its name has to be typed. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { hrefOf } from "../lib/route.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { FaultNote } from "../parts/states.tsx";
import { useAction } from "../parts/use-load.ts";

export function AddPartitions(props: {
  readonly topic: string;
  readonly count: number;
  readonly onClose: () => void;
  readonly onDone: () => void;
}): VNode {
  const { topic, count, onClose, onDone } = props;
  const { admin } = useSession();
  const [wanted, setWanted] = useState(String(count + 1));
  const add = useAction(async () => {
    await admin.createPartitions(topic, Number(wanted));
    onDone();
    onClose();
  });
  return (
    <Dialog title={`Add partitions to ${topic}`} onClose={onClose}>
      <Form onSubmit={() => add.run()}>
        <TextField
          label="Partitions in all"
          type="number"
          min={count + 1}
          value={wanted}
          onInput={setWanted}
          isFocused
          hint={`There are ${count} now, and none can be taken away again. Records with a key may go to another partition than those before them.`}
        />
        {add.fault !== undefined && <FaultNote fault={add.fault} />}
        <Buttons submit="Add" isBusy={add.isBusy} isDisabled={!(Number(wanted) > count)} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

export function DeleteTopic(props: {
  readonly topic: string;
  readonly onClose: () => void;
  readonly onDelete: (isDeleted: boolean) => void;
}): VNode {
  const { topic, onClose, onDelete } = props;
  const { admin } = useSession();
  const [typed, setTyped] = useState("");
  const remove = useAction(async () => {
    // Nobody is to go on asking about it meanwhile.
    onDelete(true);
    try {
      await admin.deleteTopics([topic]);
    } catch (error) {
      onDelete(false);
      throw error;
    }
    location.hash = hrefOf({ view: "topics" });
  });
  return (
    <Dialog title={`Delete ${topic}`} onClose={onClose}>
      <Form onSubmit={() => remove.run()}>
        <p>
          All its records go, for every reader, and nothing brings them back. Producers that go on may make an empty topic of this
          name.
        </p>
        <TextField label={`Type ${topic} to delete it`} value={typed} onInput={setTyped} isFocused isMono />
        {remove.fault !== undefined && <FaultNote fault={remove.fault} />}
        <Buttons submit="Delete for good" isDangerous isBusy={remove.isBusy} isDisabled={typed !== topic} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
