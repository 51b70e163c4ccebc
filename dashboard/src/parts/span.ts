/** Which stretch of time a view is about: the last so and so long, which moves on, or from one time to another. */

export type Span = { last: number } | { from: number; to: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The spans that are offered, as they stand in addresses. */
export const SPANS = [
  { value: "15m", label: "15 min", length: 15 * MINUTE },
  { value: "1h", label: "1 h", length: HOUR },
  { value: "6h", label: "6 h", length: 6 * HOUR },
  { value: "24h", label: "24 h", length: DAY },
  { value: "7d", label: "7 d", length: 7 * DAY },
  { value: "30d", label: "30 d", length: 30 * DAY },
  { value: "90d", label: "90 d", length: 90 * DAY },
] as const;

export type SpanName = (typeof SPANS)[number]["value"];

/** The span of an address: `from` and `to` in milliseconds go before a `span` by name. */
export function spanOf(name: string, from: string, to: string, otherwise: SpanName = "24h"): Span {
  const [begin, end] = [Number(from), Number(to)];
  if (from !== "" && to !== "" && Number.isFinite(begin) && Number.isFinite(end) && begin < end) return { from: begin, to: end };
  const known = SPANS.find(({ value }) => value === name) ?? SPANS.find(({ value }) => value === otherwise);
  return { last: known?.length ?? DAY };
}

/** From when to when, at a time. */
export function rangeOf(span: Span, now: number): { from: number; to: number } {
  return "last" in span ? { from: now - span.last, to: now } : span;
}

/** Such as `24h`; empty where no name is for it. */
export function nameOf(span: Span): SpanName | "" {
  return ("last" in span && SPANS.find(({ length }) => length === span.last)?.value) || "";
}

/** The least that a chart can be zoomed to. */
const LEAST = MINUTE;

/** What a zoom may show: not less than a minute, and nothing that is still to come. */
export function zoomed(from: number, to: number, now: number): { from: number; to: number } {
  const length = Math.max(LEAST, to - from);
  const end = Math.min(Math.round(to), now);
  return { from: Math.round(end - length), to: end };
}
