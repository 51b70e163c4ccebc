/** Times as people read them. The zone is the viewer's unless it is set on the page "Me". */
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { signal } from "@preact/signals";

/** An IANA zone such as `Australia/Sydney`; empty: the browser's. */
export const zone = signal(localStorage.getItem("zone") ?? "");
zone.subscribe((value) => localStorage.setItem("zone", value));

/** The server's clock less this browser's, in milliseconds; ages are counted by the server's. */
export const clockOffsetMs = signal(0);

/** Told once a second, so that ages grow while one looks. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now() + clockOffsetMs.value;
}, 1_000);

export function ms(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

export function durationMs(span: Duration | undefined): number | undefined {
  return span && Number(span.seconds) * 1_000 + span.nanos / 1e6;
}

type Parts = "seconds" | "minutes" | "day";

/** Such as `27 Nov 2026, 14:03:09`, in the zone that is set. */
export function absolute(time: number, parts: Parts = "seconds"): string {
  return formatOf(parts, zone.value).format(time);
}

/** Made once each: to make one takes longer than to draw a row. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(parts: Parts, timeZone: string): Intl.DateTimeFormat {
  const key = `${parts} ${timeZone}`;
  const known = formats.get(key);
  if (known) return known;
  const clock: Intl.DateTimeFormatOptions = parts === "day" ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (parts === "seconds") clock.second = "2-digit";
  const made = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", ...clock, timeZone: timeZone || undefined });
  formats.set(key, made);
  return made;
}

const UNITS: readonly [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** Such as `3 min` or `2 d 4 h`: two units at most. */
export function span(length: number): string {
  const rest = Math.max(0, length);
  if (rest < 1_000) return rest === 0 ? "0 s" : `${Math.round(rest)} ms`;
  const first = UNITS.findIndex(([, size]) => rest >= size);
  const [name, size] = UNITS[first] ?? ["s", 1_000];
  const whole = Math.floor(rest / size);
  const [nextName, nextSize] = UNITS[first + 1] ?? ["", 1];
  const next = nextName === "" ? 0 : Math.floor((rest - whole * size) / nextSize);
  return next === 0 || whole >= 10 ? `${whole} ${name}` : `${whole} ${name} ${next} ${nextName}`;
}

/** Such as `3 min ago` or `in 2 h`. */
export function ago(time: number, at: number): string {
  const passed = at - time;
  if (Math.abs(passed) < 1_500) return "now";
  return passed >= 0 ? `${span(passed)} ago` : `in ${span(nearest(-passed))}`;
}

/** To the unit in which it is told: what was given 24 hours a moment ago does not end in 23. */
function nearest(length: number): number {
  const size = UNITS.find(([, size]) => length >= 10 * size)?.[1] ?? 1;
  return Math.round(length / size) * size;
}
