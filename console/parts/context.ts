/** What every view can reach without being handed it: the session, and what is seen of the cluster's traffic. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Fault } from "../lib/faults.ts";
import type { Minute, RateHistory } from "../lib/history.ts";
import type { Sample } from "../lib/prometheus.ts";
import type { Session } from "../lib/session.ts";

export interface Traffic {
  readonly received: RateHistory;
  readonly sent: RateHistory;
  /** Of the last hour, as brokers remember it; undefined until they were asked. */
  readonly minutes: readonly Minute[] | undefined;
  /** Undefined until the first answer. */
  readonly samples: readonly Sample[] | undefined;
  readonly fault: Fault | undefined;
}

export const SessionContext = createContext<Session | undefined>(undefined);
export const TrafficContext = createContext<Traffic | undefined>(undefined);

export function useSession(): Session {
  return useContext(SessionContext)!;
}

export function useTraffic(): Traffic {
  return useContext(TrafficContext)!;
}
