/** The cluster at a glance: whether it is well, how much goes in and out, what rests where, what it costs. */
import type { VNode } from "preact";
import { countText, rateText } from "../lib/format.ts";
import { withMinutes } from "../lib/history.ts";
import { byLabel, sumOf } from "../lib/prometheus.ts";
import { hrefOf } from "../lib/route.ts";
import { useSession, useTraffic } from "../parts/context.ts";
import { Plot } from "../parts/plot.tsx";
import { FaultNote, Loading, Shown } from "../parts/states.tsx";
import { Stored } from "../parts/stored.tsx";
import { Cell, HeadCell, Table } from "../parts/table.tsx";
import { useLoad, useNow } from "../parts/use-load.ts";
import { Cost } from "./cost.tsx";

export function OverviewView(): VNode {
  const { admin, place } = useSession();
  const cluster = useLoad(
    async (signal) => {
      const startMs = performance.now();
      const description = await admin.describeCluster({ signal });
      const roundTripMs = performance.now() - startMs;
      const [topics, groups] = await Promise.all([admin.listTopics({ signal }), admin.listGroups({ signal })]);
      return { description, topics: topics.length, groups: groups.length, roundTripMs };
    },
    "cluster",
    10_000,
  );
  return (
    <>
      <h1>{place.cluster}</h1>
      <Shown of={cluster} what="cluster">
        {({ description, topics, groups, roundTripMs }) => (
          <>
            <dl class="figures">
              {cluster.fault === undefined ? (
                <Figure name="Health" value="answers" detail={`in ${Math.max(1, Math.round(roundTripMs))} ms, over WebSocket`} />
              ) : (
                <Figure name="Health" value="no answer" detail="what is shown is what was last seen" />
              )}
              <Figure name="Brokers" value={countText(description.brokers.length)} detail="of this zone" />
              <Figure name="Topics" value={countText(topics)} href={hrefOf({ view: "topics" })} />
              <Figure name="Groups" value={countText(groups)} href={hrefOf({ view: "groups" })} />
              <Flow />
            </dl>
            <Throughput />
            <div class="pair">
              <section>
                <h2>Stored bytes</h2>
                <StoredBytes />
              </section>
              <Cost />
            </div>
            <section>
              <h2>Brokers</h2>
              <Table label="Brokers" columns={[{ name: "Broker" }, { name: "Zone" }, { name: "Address" }, { name: "Role" }]}>
                {description.brokers.map(({ nodeId, host, port, rack }) => (
                  <tr key={nodeId}>
                    <HeadCell>{nodeId}</HeadCell>
                    <Cell>{rack ?? "none"}</Cell>
                    <Cell isMono>
                      {host}:{port}
                    </Cell>
                    <Cell>{nodeId === description.controllerId ? "speaks for the controller" : "broker"}</Cell>
                  </tr>
                ))}
              </Table>
              <p class="hint">
                Cluster id <code>{description.clusterId}</code>. Any broker can serve any partition; a hash spreads them so that
                readers share a cache.
              </p>
            </section>
          </>
        )}
      </Shown>
    </>
  );
}

function Figure(props: {
  readonly name: string;
  readonly value: string;
  readonly detail?: string;
  readonly href?: string;
  readonly tone?: string;
}): VNode {
  const { name, value, detail, href, tone } = props;
  return (
    <div>
      <dt>
        {tone !== undefined && <i class={`swatch ${tone}`} aria-hidden="true" />}
        {name}
      </dt>
      <dd>
        {href === undefined ? <b>{value}</b> : <a href={href}>{value}</a>}
        {detail !== undefined && <small>{detail}</small>}
      </dd>
    </div>
  );
}

function Flow(): VNode {
  const { received, sent } = useTraffic();
  const text = (value: number | undefined): string => (value === undefined ? "…" : rateText(value));
  return (
    <>
      <Figure name="In" tone="in" value={text(received.rates.last?.value)} detail="from clients" />
      <Figure name="Out" tone="out" value={text(sent.rates.last?.value)} detail="to clients" />
    </>
  );
}

function Throughput(): VNode {
  const { received, sent, minutes, samples, fault } = useTraffic();
  const clockMs = useNow(5000);
  const nowMs = received.rates.last?.atMs ?? clockMs;
  return (
    <section>
      <h2>Throughput</h2>
      {fault !== undefined && <FaultNote fault={fault} prefix="The figures of the last minutes are missing. " />}
      {(samples === undefined || minutes === undefined) && fault === undefined ? (
        <Loading what="throughput" />
      ) : (
        <Plot
          label="Bytes a second from and to clients"
          nowMs={nowMs}
          text={rateText}
          isBinary
          series={[
            { name: "in", tone: "in", points: withMinutes(received.rates.points, minutes ?? [], "receivedBytes", nowMs) },
            { name: "out", tone: "out", points: withMinutes(sent.rates.points, minutes ?? [], "sentBytes", nowMs) },
          ]}
        />
      )}
      <p class="hint">
        The last hour, by the minute as brokers remember it, and every five seconds since this page was opened. A broker that nobody
        used for a while sleeps, and forgets. What this page itself reads and writes is part of it.
      </p>
    </section>
  );
}

function StoredBytes(): VNode {
  const { samples } = useTraffic();
  if (samples === undefined) return <Loading what="stored bytes" />;
  const kinds = byLabel(samples, "kante_stored_bytes", "kind");
  const inline = kinds.size === 0 ? new Map([["inline", sumOf(samples, "kante_inline_bytes")]]) : kinds;
  return <Stored bytes={inline} />;
}
