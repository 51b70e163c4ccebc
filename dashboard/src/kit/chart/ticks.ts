/** Marks on the axis of time, in a zone: hours and days are those of its clocks, whether days have 23, 24 or 25 hours. */

import { offset } from "../zone";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 56, 182, 364].map((days) => days * DAY),
];

/** The 5th of January 1970 was a Monday; weeks are counted from there. */
const MONDAY = 4 * DAY;

/** How far from mark to mark, so that there are at most `most` of them. */
export function stepOf(length: number, most: number): number {
  return STEPS.find((step) => length / step <= most) ?? Math.ceil(length / most / DAY) * DAY;
}

function lateness(time: number, step: number, zone: string): number {
  const origin = step % (7 * DAY) === 0 ? MONDAY : 0;
  return (((time + offset(time, zone) - origin) % step) + step) % step;
}

/** All times from `from` to `to` at which the zone's clocks show a whole step. */
export function ticks(from: number, to: number, step: number, zone: string): number[] {
  const found: number[] = [];
  let time = from;
  while (time <= to) {
    const late = lateness(time, step, zone);
    if (late === 0) found.push(time);
    time = nextTick(time, step - late, step, zone);
  }
  return found;
}

/** Where clocks are changed on the way, that much is made good. */
function nextTick(time: number, distance: number, step: number, zone: string): number {
  const next = time + distance;
  if (lateness(next, step, zone) === 0) return next;
  const mended = next + offset(time, zone) - offset(next, zone);
  return mended > time && lateness(mended, step, zone) === 0 ? mended : next;
}

type Kind = "time" | "time with seconds" | "day" | "day with year";

const KINDS: Record<Kind, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  "time with seconds": { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  "day with year": { day: "numeric", month: "short", year: "2-digit" },
};

/** Made once each: to make one takes longer than to write all marks of an axis. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(kind: Kind, zone: string): Intl.DateTimeFormat {
  const key = `${kind} ${zone}`;
  const made = formats.get(key) ?? new Intl.DateTimeFormat("en-GB", { ...KINDS[kind], timeZone: zone || undefined });
  formats.set(key, made);
  return made;
}

/** What stands at marks: the time of day, and the day where one begins and at the first mark; of days, the day alone. */
export function labels(marks: readonly number[], step: number, zone: string): string[] {
  const ofDay = formatOf(step < MINUTE ? "time with seconds" : "time", zone);
  const ofYear = formatOf(step >= 182 * DAY ? "day with year" : "day", zone);
  let before = "";
  return marks.map((mark) => {
    const day = ofYear.format(mark);
    const isNew = day !== before;
    before = day;
    if (step >= DAY) return day;
    return isNew ? `${ofDay.format(mark)}\n${day}` : ofDay.format(mark);
  });
}
