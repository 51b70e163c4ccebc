/** Sums by stretches of time, put into bars that begin when the zone's clocks show a whole step. */
import { labels, ticks } from "~/kit/chart/ticks";
import { offset } from "~/kit/zone";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Clocks of all zones are whole quarters of an hour ahead of UTC or behind it. */
const QUARTER = HOUR / 4;

export interface Sum {
  /** Begin of the stretch that was summed. */
  time: number;
  /** Place of its kind. */
  kind: number;
  count: number;
}

export interface Bar {
  from: number;
  to: number;
  /** How many of each kind. */
  counts: number[];
}

/** A bar each hour, six hours or day, by how long the view is. */
export function barStep(length: number): number {
  if (length <= 2 * DAY) return HOUR;
  return length <= 10 * DAY ? 6 * HOUR : DAY;
}

/** Whether hours of the zone begin with hours of UTC, from `from` to `to`. */
export function hasWholeHours(zone: string, { from, to }: { from: number; to: number }): boolean {
  return [from, to].every((time) => offset(time, zone) % HOUR === 0);
}

/** The longest stretch to sum by so that each lies in one bar. */
export function sumStep(zone: string, range: { from: number; to: number }): number {
  return hasWholeHours(zone, range) ? HOUR : QUARTER;
}

/** Bars from `from` to `to` without a break. Where a sum does not lie in one bar, it counts to the one in which it begins. */
export function barsOf(sums: readonly Sum[], kinds: number, { from, to, step, zone }: { from: number; to: number; step: number; zone: string }): Bar[] {
  const firstSum = Math.floor(from / HOUR) * HOUR;
  const begins = ticks(firstSum, to - 1, step, zone);
  const first = begins[0];
  if (first === undefined || first > from) begins.unshift(firstSum);
  const bars = begins.map((begin, index): Bar => ({ from: begin, to: begins[index + 1] ?? begin + step, counts: new Array<number>(kinds).fill(0) }));
  for (const { time, kind, count } of sums) {
    const bar = bars.findLast((one) => one.from <= time);
    if (bar) bar.counts[kind] = (bar.counts[kind] ?? 0) + count;
  }
  return bars;
}

/** The largest bar, rounded up to what an axis can show as its end. */
export function axisEnd(bars: readonly Bar[]): number {
  const most = Math.max(1, ...bars.map(({ counts }) => counts.reduce((sum, one) => sum + one, 0)));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((end) => end >= most) ?? most;
}

const LAST_MARK = 0.94;

/** Where along the bars marks stand, in percent, with what stands there. */
export function barMarks(bars: readonly Bar[], step: number, zone: string, most: number): { at: number; text: string }[] {
  const every = Math.max(1, Math.ceil(bars.length / most));
  // What would stand beyond the end is left out.
  const shown = bars.flatMap((bar, index) => (index % every === 0 && (index === 0 || index / bars.length < LAST_MARK) ? [{ bar, at: (index / bars.length) * 100 }] : []));
  const texts = labels(shown.map(({ bar }) => bar.from), step, zone);
  return shown.map(({ at }, index) => ({ at, text: texts[index] ?? "" }));
}
