/**
 * Figures over time: a line for each series over a shared time axis, values under the pointer, the last and the highest ones as text for
 * those who do not see it. It spans what was seen, five minutes at least and an hour at most.
 */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { historyMs, type Point } from "../lib/history.ts";
import { ticksTo, timeTicks } from "../lib/scale.ts";

export interface Series {
  readonly name: string;
  /** One of the stylesheet's colours of series. */
  readonly tone: string;
  readonly points: readonly Point[];
}

const margin = { top: 8, right: 8, bottom: 22, left: 74 } as const;
const spanMsMin = 300_000;

export function Plot(props: {
  readonly label: string;
  readonly series: readonly Series[];
  readonly nowMs: number;
  readonly text: (value: number) => string;
  readonly heightPx?: number;
  readonly isBinary?: boolean;
}): VNode {
  const { label, series, nowMs, text, heightPx = 180, isBinary = false } = props;
  const [box, widthPx] = useWidth();
  const [pointerMs, setPointerMs] = useState<number>();
  const firstMs = Math.min(nowMs, ...series.flatMap(({ points }) => points.slice(0, 1).map(({ atMs }) => atMs)));
  const fromMs = Math.max(nowMs - historyMs, Math.min(firstMs, nowMs - spanMsMin));
  const max = Math.max(0, ...series.flatMap(({ points }) => points.map(({ value }) => value)));
  const ticks = ticksTo(max, 3, isBinary ? 1024 : 1);
  const top = ticks.at(-1)! || 1;
  const [innerWidth, innerHeight] = [Math.max(1, widthPx - margin.left - margin.right), heightPx - margin.top - margin.bottom];
  const x = (atMs: number): number => margin.left + ((atMs - fromMs) / (nowMs - fromMs)) * innerWidth;
  const y = (value: number): number => margin.top + innerHeight - (value / top) * innerHeight;
  const pathOf = (points: readonly Point[]): string =>
    points
      .filter(({ atMs }) => atMs >= fromMs)
      .map(({ atMs, value }, index) => `${index === 0 ? "M" : "L"}${x(atMs).toFixed(1)} ${y(value).toFixed(1)}`)
      .join("");
  const summary = series
    .map(({ name, points }) => `${name}: ${points.length === 0 ? "nothing yet" : `${text(points.at(-1)!.value)} now`}`)
    .join(", ");
  return (
    <figure class="plot" ref={box}>
      <svg
        width={widthPx}
        height={heightPx}
        role="img"
        aria-label={`${label}. ${summary}; at most ${text(max)}.`}
        onPointerMove={(event) => {
          const left = event.currentTarget.getBoundingClientRect().left;
          const share = (event.clientX - left - margin.left) / innerWidth;
          setPointerMs(share < 0 || share > 1 ? undefined : fromMs + share * (nowMs - fromMs));
        }}
        onPointerLeave={() => setPointerMs(undefined)}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={margin.left} x2={margin.left + innerWidth} y1={y(tick)} y2={y(tick)} />
            <text x={margin.left - 8} y={y(tick) + 4} text-anchor="end">
              {text(tick)}
            </text>
          </g>
        ))}
        {timeTicks(fromMs, nowMs, innerWidth / 90).map((atMs) => (
          <text key={atMs} x={x(atMs)} y={heightPx - 5} text-anchor="middle">
            {clockText(atMs)}
          </text>
        ))}
        {series.map(({ name, tone, points }) => (
          <path key={name} class={`line ${tone}`} d={pathOf(points)} />
        ))}
        {pointerMs !== undefined && (
          <line class="pointer" x1={x(pointerMs)} x2={x(pointerMs)} y1={margin.top} y2={margin.top + innerHeight} />
        )}
      </svg>
      <figcaption>
        {series.map(({ name, tone, points }) => {
          const point = pointerMs === undefined ? points.at(-1) : nearest(points, pointerMs);
          return (
            <span key={name}>
              <i class={`swatch ${tone}`} aria-hidden="true" />
              {name} <b>{point === undefined ? "…" : text(point.value)}</b>
            </span>
          );
        })}
        <span class="when">{pointerMs === undefined ? "now" : clockText(pointerMs, true)}</span>
      </figcaption>
    </figure>
  );
}

/** The shape alone, beside a number that says the rest. */
export function Sparkline({ points, tone }: { readonly points: readonly Point[]; readonly tone: string }): VNode | null {
  if (points.length < 2) return null;
  const [first, last] = [points[0]!.atMs, points.at(-1)!.atMs];
  const max = Math.max(1, ...points.map(({ value }) => value));
  const d = points
    .map(
      ({ atMs, value }, index) =>
        `${index === 0 ? "M" : "L"}${(((atMs - first) / (last - first)) * 80).toFixed(1)} ${(18 - (value / max) * 16).toFixed(1)}`,
    )
    .join("");
  return (
    <svg class="sparkline" viewBox="0 0 80 20" width="80" height="20" aria-hidden="true">
      <path class={`line ${tone}`} d={d} />
    </svg>
  );
}

function nearest(points: readonly Point[], atMs: number): Point | undefined {
  return points.reduce<Point | undefined>(
    (best, point) => (best === undefined || Math.abs(point.atMs - atMs) < Math.abs(best.atMs - atMs) ? point : best),
    undefined,
  );
}

function clockText(ms: number, hasSeconds = false): string {
  const second = hasSeconds ? ({ second: "2-digit" } as const) : {};
  return new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...second });
}

function useWidth(): readonly [{ current: HTMLElement | null }, number] {
  const element = useRef<HTMLElement>(null);
  const [widthPx, setWidth] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return [element, widthPx];
}
