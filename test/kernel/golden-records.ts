/** The records that every client was given for the golden batches: text that compresses, of lengths from nothing to some KiB. */
export interface GoldenRecord {
  readonly key: string;
  readonly value: string;
}

export const goldenRecords: readonly GoldenRecord[] = makeRecords();

function makeRecords(): GoldenRecord[] {
  const words = [
    "offset",
    "leader",
    "epoch",
    "batch",
    "segment",
    "partition",
    "replica",
    "fetch",
    "produce",
    "commit",
    "zone",
    "edge",
  ];
  let state = 42;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  return Array.from({ length: 160 }, (_, index) => {
    const length = index % 40 === 39 ? 1200 : next(60);
    const value = Array.from({ length }, () => words[next(words.length)]!).join(" ");
    return { key: `key-${index}`, value: `${index} ${value}` };
  });
}
