/** What axe-core finds wrong with a page, as lines to read: WCAG 2.2 A and AA, and its own best practices. */
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  // Through the debugger, which no Content-Security-Policy of the page stands in the way of.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    return (await axe.run()).violations;
  });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(" ")}\n${failureSummary ?? ""}`),
  );
}
