/** What the rules want to know of a history, gathered once: values, transactions, and the logs as they are in the end. */
import { type Happening, type History, type Isolation, lastReader } from "./happening.ts";

type Of<Kind extends Happening["kind"]> = Extract<Happening, { readonly kind: Kind }>;

/** `index` is a happening's place in the history: what comes first happened first. */
type Placed<One> = One & { readonly index: number };

interface Transaction {
  readonly values: string[];
  /** What its producer asked for, and since when. */
  asked: Placed<Of<"ending">> | undefined;
  /** What its producer was told. */
  told: boolean | undefined;
}

export type Observation = Placed<Of<"read"> | Of<"delivered">>;

export interface Facts {
  readonly history: History;
  readonly sent: ReadonlyMap<string, Placed<Of<"sent">>>;
  readonly acknowledged: readonly Of<"acknowledged">[];
  readonly transactions: ReadonlyMap<string, Transaction>;
  /** By every reader, in the order in which they were made. */
  readonly observations: readonly Observation[];
  readonly logs: Readonly<Record<Isolation, readonly Observation[]>>;
}

/** What is wrong, one line each; nothing when the rule holds. */
export type Rule = (facts: Facts) => readonly string[];

export function factsOf(history: History): Facts {
  const sent = new Map<string, Placed<Of<"sent">>>();
  const acknowledged: Of<"acknowledged">[] = [];
  const transactions = new Map<string, Transaction>();
  const observations: Observation[] = [];
  const transaction = (name: string): Transaction => {
    let known = transactions.get(name);
    if (known === undefined) transactions.set(name, (known = { values: [], asked: undefined, told: undefined }));
    return known;
  };
  for (const [index, happening] of history.entries()) {
    switch (happening.kind) {
      case "sent":
        sent.set(happening.value, { ...happening, index });
        if (happening.transaction !== undefined) transaction(happening.transaction).values.push(happening.value);
        break;
      case "acknowledged":
        acknowledged.push(happening);
        break;
      case "ending":
        transaction(happening.transaction).asked ??= { ...happening, index };
        break;
      case "ended":
        transaction(happening.transaction).told = happening.commit;
        break;
      case "read":
      case "delivered":
        observations.push({ ...happening, index });
    }
  }
  const logOf = (isolation: Isolation) => observations.filter(({ reader }) => reader === lastReader[isolation]);
  const logs = { read_committed: logOf("read_committed"), read_uncommitted: logOf("read_uncommitted") };
  return { history, sent, acknowledged, transactions, observations, logs };
}

/** Whether it is known how the transaction ended: undefined when a commit was asked for and no answer was heard. */
export function outcomeOf({ asked, told }: Transaction): boolean | undefined {
  return told ?? (asked?.commit === true ? undefined : false);
}
