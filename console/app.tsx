/**
 * The frame around all views: where one is, whether the server can be reached, the way to the other views. It watches the cluster's
 * traffic whatever view is open; what was before it was opened, brokers remember.
 */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Minute, RateHistory } from "./lib/history.ts";
import { parseMetrics, sumOf } from "./lib/prometheus.ts";
import { type Route, hrefOf, routeOf } from "./lib/route.ts";
import { type Reach, type Session, checkHealth } from "./lib/session.ts";
import { type Theme, keepTheme, theme } from "./lib/theme.ts";
import { ClusterDialog } from "./parts/cluster-dialog.tsx";
import { SessionContext, type Traffic, TrafficContext } from "./parts/context.ts";
import { Empty } from "./parts/states.tsx";
import { type Loaded, useLoad } from "./parts/use-load.ts";
import { GroupView } from "./views/group.tsx";
import { GroupsView } from "./views/groups.tsx";
import { OverviewView } from "./views/overview.tsx";
import { TopicView } from "./views/topic.tsx";
import { TopicsView } from "./views/topics.tsx";
import { TransactionsView } from "./views/transactions.tsx";

const trafficEveryMs = 5000;
/** Only what this page did not see itself is missing, and of that whole minutes. */
const minutesEveryMs = 60_000;
const healthEveryMs = 10_000;

export function App({ session }: { readonly session: Session }): VNode {
  const route = useRoute();
  const traffic = useWatchedTraffic(session);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const name = titleOf(route);
  useEffect(() => {
    document.title = `${name} · ${session.place.cluster} · Kante`;
    // Whoever followed a link by keyboard goes on in the new view.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [name]);
  return (
    <SessionContext.Provider value={session}>
      <TrafficContext.Provider value={traffic}>
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to the view
        </button>
        <Top session={session} />
        <Navigation route={route} />
        <main ref={main} tabIndex={-1}>
          <View route={route} />
        </main>
      </TrafficContext.Provider>
    </SessionContext.Provider>
  );
}

function View({ route }: { readonly route: Route }): VNode {
  switch (route.view) {
    case "overview":
      return <OverviewView />;
    case "topics":
      return <TopicsView />;
    case "topic":
      return <TopicView key={route.topic} topic={route.topic} tab={route.tab} />;
    case "groups":
      return <GroupsView />;
    case "group":
      return <GroupView key={route.group} group={route.group} />;
    case "transactions":
      return <TransactionsView />;
    case "unknown":
      return (
        <>
          <h1>No such view</h1>
          <Empty title={`Nothing is at ${route.address}`}>
            Go to the <a href="#/">overview</a>, or choose from the navigation.
          </Empty>
        </>
      );
  }
}

const views = ["overview", "topics", "groups", "transactions"] as const;

function Navigation({ route }: { readonly route: Route }): VNode {
  const section = route.view === "topic" ? "topics" : route.view === "group" ? "groups" : route.view;
  return (
    <nav aria-label="Views">
      {views.map((view) => (
        <a key={view} href={hrefOf({ view })} aria-current={view === section ? "page" : undefined}>
          {view[0]!.toUpperCase() + view.slice(1)}
        </a>
      ))}
    </nav>
  );
}

const reachTexts: Readonly<Record<Reach, string>> = {
  checking: "connecting",
  ok: "reachable",
  unreachable: "unreachable",
  unauthorised: "sign-in needed",
  failing: "failing",
};

function Top({ session }: { readonly session: Session }): VNode {
  const [isChoosing, setChoosing] = useState(false);
  const [chosen, setChosen] = useState<Theme>(theme);
  const health = useLoad((signal) => checkHealth(session.place, signal), "health", healthEveryMs);
  const reach = reachOf(health);
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="Kante, overview">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M7 5v22M7 16h5l11-11M14.500 16.500 25 27" />
        </svg>
        Kante
      </a>
      <button
        type="button"
        class="cluster"
        aria-label={`Cluster ${session.place.cluster}: choose another`}
        onClick={() => setChoosing(true)}
      >
        {session.place.cluster}
        <span aria-hidden="true">▾</span>
      </button>
      <span class={`reach ${reach}`} role="status">
        {reachTexts[reach]}
      </span>
      <label class="theme">
        <span class="visually-hidden">Colours</span>
        <select
          value={chosen}
          onChange={(event) => {
            const next = event.currentTarget.value as Theme;
            setChosen(next);
            keepTheme(next);
          }}
        >
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      {isChoosing && <ClusterDialog current={session.place.cluster} onClose={() => setChoosing(false)} />}
    </header>
  );
}

function reachOf({ value, isSlow }: Loaded<{ readonly reach: Reach }>): Reach {
  if (value === undefined) return isSlow ? "unreachable" : "checking";
  return value.reach;
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const onChange = (): void => setRoute(routeOf(location.hash));
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return route;
}

function titleOf(route: Route): string {
  if (route.view === "topic") return route.topic;
  if (route.view === "group") return route.group;
  return route.view[0]!.toUpperCase() + route.view.slice(1);
}

function useWatchedTraffic(session: Session): Traffic {
  const histories = useMemo(() => ({ received: new RateHistory(), sent: new RateHistory() }), [session]);
  const { value, fault } = useLoad(
    async (signal) => {
      const response = await session.get("metrics", signal);
      const samples = parseMetrics((await response?.text()) ?? "");
      const nowMs = Date.now();
      histories.received.add(nowMs, sumOf(samples, "kante_received_bytes_total"));
      histories.sent.add(nowMs, sumOf(samples, "kante_sent_bytes_total"));
      return samples;
    },
    "traffic",
    trafficEveryMs,
  );
  const remembered = useLoad(
    async (signal) => {
      const response = await session.get("throughput", signal);
      const { minutes } = response === undefined ? { minutes: [] } : ((await response.json()) as { minutes: readonly Minute[] });
      return minutes;
    },
    "throughput",
    minutesEveryMs,
  );
  return { ...histories, minutes: remembered.value, samples: value, fault: fault ?? remembered.fault };
}
