/** [I2] [I5] At an offset is one value, for every reader, at every time, and for the producer that was told the offset. */
import type { Rule } from "../facts.ts";

export const oneValuePerOffset: Rule = ({ observations, acknowledged, sent }) => {
  const wrong: string[] = [];
  const found = new Map<string, { readonly value: string; readonly who: string }>();
  const look = (partition: string, offset: number, value: string, who: string): void => {
    const place = `${partition}@${offset}`;
    const before = found.get(place);
    if (before === undefined) found.set(place, { value, who });
    else if (before.value !== value) wrong.push(`${place} is ${before.value} for ${before.who}, ${value} for ${who}`);
  };
  for (const { value, offset } of acknowledged) look(sent.get(value)!.partition, offset, value, "its producer");
  for (const { partition, offset, value, reader } of observations) look(partition, offset, value, reader);
  return wrong;
};
