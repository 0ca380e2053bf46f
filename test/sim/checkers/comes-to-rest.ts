/** When the faults have ended every request is answered, every idempotent record is acknowledged and every reader reaches the end. */
import type { Checker } from "../history.ts";

export const comesToRest: Checker = (history) =>
  history.flatMap((event) => (event.kind === "stuck" ? [`at ${event.at}: ${event.what}`] : []));
