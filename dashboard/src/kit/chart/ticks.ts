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

/** What stands at marks: the time of day, and the day where one begins and at the first mark; of days, the day alone. */
export function labels(marks: readonly number[], step: number, zone: string): string[] {
  const timeZone = zone || undefined;
  const ofDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: step < MINUTE ? "2-digit" : undefined, hourCycle: "h23", timeZone });
  const ofYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone });
  const withYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "2-digit", timeZone });
  let before = "";
  return marks.map((mark) => {
    const day = (step >= 182 * DAY ? withYear : ofYear).format(mark);
    const isNew = day !== before;
    before = day;
    if (step >= DAY) return day;
    return isNew ? `${ofDay.format(mark)}\n${day}` : ofDay.format(mark);
  });
}
