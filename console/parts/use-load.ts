/**
 * Gets what a view shows and keeps it fresh while somebody looks: a hidden page asks for nothing, so that an idle cluster stays idle. A
 * failed refresh keeps what was there beside the fault; being slow is a state of its own.
 */
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { type Fault, faultOf, unauthorised } from "../lib/faults.ts";
import { checkHealth } from "../lib/session.ts";
import { SessionContext } from "./context.ts";

export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly fault: Fault | undefined;
  /** Nothing has come for a while, and it is still being waited for. */
  readonly isSlow: boolean;
  readonly reload: () => void;
}

interface State<Value> {
  readonly key: string;
  readonly value?: Value;
  readonly fault?: Fault;
  readonly isSlow?: boolean;
}

export const slowAfterMs = 2500;
/** What did not answer is asked again soon, however seldom it is asked otherwise. */
export const retryAfterMs = 5000;

/**
 * `key` says what is asked for: when it changes, what was there is forgotten. Without `everyMs` it is asked until it answers, and on
 * `reload`.
 */
export function useLoad<Value>(load: (signal: AbortSignal) => Promise<Value>, key: string, everyMs?: number): Loaded<Value> {
  const [state, setState] = useState<State<Value>>({ key });
  const [asked, setAsked] = useState(0);
  const session = useContext(SessionContext);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isBusy = false;
    let againMs = everyMs;
    const keep = (change: Omit<State<Value>, "key">): void =>
      setState((before) => ({ ...(before.key === key ? before : { key }), ...change }));
    // A socket that does not open tells nobody why; a plain request may hear that one has to sign in.
    const explain = async (fault: Fault | undefined): Promise<void> => {
      const health = session === undefined ? undefined : await checkHealth(session.place, ended.signal);
      if (ended.signal.aborted) return;
      if (health?.reach === "unauthorised") keep({ fault: unauthorised(fault?.detail ?? "The server asks who you are.") });
      else if (fault !== undefined) keep({ fault });
    };
    const round = async (): Promise<void> => {
      isBusy = true;
      const slow = setTimeout(() => {
        keep({ isSlow: true });
        void explain(undefined);
      }, slowAfterMs);
      try {
        const value = await latest.current(ended.signal);
        againMs = everyMs;
        if (!ended.signal.aborted) keep({ value, fault: undefined, isSlow: false });
      } catch (error) {
        const fault = faultOf(error);
        againMs = fault.kind === "unreachable" ? Math.min(everyMs ?? retryAfterMs, retryAfterMs) : everyMs;
        if (fault.kind === "unreachable") await explain(fault);
        else if (!ended.signal.aborted) keep({ fault });
        if (!ended.signal.aborted) keep({ isSlow: false });
      }
      clearTimeout(slow);
      isBusy = false;
      if (againMs !== undefined && !ended.signal.aborted) timer = setTimeout(next, againMs);
    };
    const next = (): void => {
      if (!document.hidden) void round();
    };
    const onVisible = (): void => {
      if (document.hidden || isBusy || againMs === undefined) return;
      clearTimeout(timer);
      void round();
    };
    document.addEventListener("visibilitychange", onVisible);
    void round();
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [key, everyMs, asked]);

  const reload = useCallback(() => setAsked((count) => count + 1), []);
  const current = state.key === key ? state : { key };
  return { value: current.value, fault: current.fault, isSlow: current.isSlow ?? false, reload };
}

export interface Action<Args extends readonly unknown[]> {
  readonly run: (...args: Args) => void;
  readonly isBusy: boolean;
  readonly fault: Fault | undefined;
  /** Whoever gave up what went wrong need not see it any longer. */
  readonly forget: () => void;
}

/** Something the user asked for: once at a time, and what went wrong stays until the next attempt. */
export function useAction<Args extends readonly unknown[]>(work: (...args: Args) => Promise<void>): Action<Args> {
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const run = (...args: Args): void => {
    if (isBusy) return;
    setBusy(true);
    setFault(undefined);
    work(...args)
      .catch((error: unknown) => setFault(faultOf(error)))
      .finally(() => setBusy(false));
  };
  return { run, isBusy, fault, forget: () => setFault(undefined) };
}

/** Renders anew every so often: ages and "now" go on. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
