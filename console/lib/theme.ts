/** Light, dark, or as the system has it: kept in this browser, and set where the stylesheet looks for it. */
export type Theme = "system" | "light" | "dark";

const key = "kante.theme";

export function theme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    // Storage may be forbidden.
    return "system";
  }
}

export function applyTheme(chosen: Theme = theme()): void {
  const { dataset } = document.documentElement;
  if (chosen === "system") delete dataset["theme"];
  else dataset["theme"] = chosen;
}

export function keepTheme(chosen: Theme): void {
  applyTheme(chosen);
  try {
    localStorage.setItem(key, chosen);
  } catch {
    // It then lasts as long as the page.
  }
}
