/** The four ways in which records rest, in the order in which they come about, with the words for them. */
export const storedKinds = ["inline", "wal", "merged", "segment"] as const;
export type StoredKind = (typeof storedKinds)[number];

export const kindTexts: Readonly<Record<StoredKind, { readonly name: string; readonly text: string }>> = {
  inline: { name: "inline", text: "in the leader's journal, until they are worth an object" },
  wal: { name: "write-ahead", text: "in objects of a broker's flush, many partitions in one" },
  merged: { name: "merged", text: "in larger objects of one cell, sorted by partition" },
  segment: { name: "segments", text: "in a partition's own objects, as Kafka's log files" },
};
