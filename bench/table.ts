/** The one table of a bench run: for the terminal, and as Markdown between two markers of docs/PERFORMANCE.md. */
import { type Row, describeBudget, verdictOf } from "./row.ts";

export interface Section {
  readonly bench: string;
  readonly rows: readonly Row[];
  /** Why there are no rows, or not all. */
  readonly notes: readonly string[];
}

const headings = ["what", "value", "ratio", "against", "budget", "verdict"] as const;

/** Three figures that count: 6210, 511, 63.4, 0.913. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 1 : Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, Math.min(3, 3 - digits)));
}

function cellsOf(row: Row): string[] {
  return [
    row.name,
    `${formatFigure(row.value)} ${row.unit}`,
    row.ratio === undefined ? "" : `${formatFigure(row.ratio)} ×`,
    row.against ?? "",
    describeBudget(row),
    verdictOf(row),
  ];
}

export function renderText({ bench, rows, notes }: Section): string {
  const table = [[...headings], ...rows.map(cellsOf)];
  const widths = headings.map((_, column) => Math.max(...table.map((cells) => (cells[column] ?? "").length)));
  const lines = table.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
  return [bench, ...(rows.length === 0 ? [] : lines), ...notes.map((note) => `  (${note})`)].join("\n");
}

function renderMarkdown({ bench, rows, notes }: Section): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const table = [line(headings), line(headings.map(() => "---")), ...rows.map((row) => line(cellsOf(row)))];
  return [
    `### ${bench}`,
    "",
    `\`npm run bench -- --only ${bench}\``,
    ...(rows.length === 0 ? [] : ["", ...table]),
    ...notes.flatMap((note) => ["", `(${note})`]),
  ].join("\n");
}

const marker = (bench: string, end: "begin" | "end"): string => `<!-- figures: ${bench} ${end} -->`;

/** Replaces the figures of the benches that ran and leaves the others'; a bench new to the page goes to its end. */
export function writeFigures(page: string, sections: readonly Section[]): string {
  let text = page;
  for (const section of sections) {
    const [begin, end] = [marker(section.bench, "begin"), marker(section.bench, "end")];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    const block = `${begin}\n\n${renderMarkdown(section)}\n\n${end}`;
    text = from < 0 || to < from ? `${text.trimEnd()}\n\n${block}\n` : text.slice(0, from) + block + text.slice(to + end.length);
  }
  return text;
}
