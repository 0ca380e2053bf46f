/** Reads Prometheus text, as `GET /metrics` answers it, into sums by name and by label: the few series that the console draws. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const linePattern = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})?\s+(?<value>\S+)/;
const labelPattern = /(?<key>\w+)="(?<text>(?:[^"\\]|\\.)*)"/g;

export function parseMetrics(text: string): readonly Sample[] {
  return text.split("\n").flatMap((line) => {
    const found = line.startsWith("#") ? undefined : linePattern.exec(line)?.groups;
    if (found === undefined) return [];
    const labels: Record<string, string> = {};
    for (const { groups } of (found["labels"] ?? "").matchAll(labelPattern))
      labels[groups!["key"]!] = groups!["text"]!.replaceAll(/\\(?<sign>.)/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
    return [{ name: found["name"]!, labels, value: Number(found["value"]) }];
  });
}

export function sumOf(samples: readonly Sample[], name: string): number {
  return samples.reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0);
}

/** Of one series name, by the text of one of its labels. */
export function byLabel(samples: readonly Sample[], name: string, label: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const sample of samples) {
    const text = sample.name === name ? sample.labels[label] : undefined;
    if (text !== undefined) sums.set(text, (sums.get(text) ?? 0) + sample.value);
  }
  return sums;
}
