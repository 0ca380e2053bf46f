/**
 * What a bench says: a figure, what it was measured against in the same run, and the budget it should keep. A budget is a statement
 * about this machine, now; nothing fails by it but the word in the last column.
 */
export interface Budget {
  readonly of: "value" | "ratio";
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The figure ÷ what it is measured against, turned so that more is better unless the budget says otherwise. */
  readonly ratio?: number;
  readonly against?: string;
  readonly budget?: Budget;
}

export interface BenchOptions {
  /** Fewer repetitions: to see whether a bench works, not to quote its figures. */
  readonly quick: boolean;
}

export type Verdict = "met" | "missed" | "";

export function verdictOf({ value, ratio, budget }: Row): Verdict {
  if (budget === undefined) return "";
  const figure = budget.of === "value" ? value : ratio;
  if (figure === undefined || Number.isNaN(figure)) return "missed";
  return figure >= (budget.atLeast ?? -Infinity) && figure <= (budget.atMost ?? Infinity) ? "met" : "missed";
}

export function describeBudget(row: Row): string {
  const { budget, unit } = row;
  if (budget === undefined) return "";
  const of = budget.of === "value" ? ` ${unit}` : " ×";
  const parts = [
    ...(budget.atLeast === undefined ? [] : [`≥ ${budget.atLeast}${of}`]),
    ...(budget.atMost === undefined ? [] : [`≤ ${budget.atMost}${of}`]),
  ];
  return parts.join(", ");
}
