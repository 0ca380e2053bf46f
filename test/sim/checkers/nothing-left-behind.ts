/** [D12] Long after the last change no object is left to which nothing refers. */
import type { Checker } from "../history.ts";

export const nothingLeftBehind: Checker = (history) =>
  history.flatMap((event) => (event.kind === "left-behind" ? [`${event.key} rests in the store and nothing refers to it`] : []));
