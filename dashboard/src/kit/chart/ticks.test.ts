import { expect, test } from "vitest";
import { labels, stepOf, ticks } from "./ticks";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const told = (times: number[]) => times.map((time) => new Date(time).toISOString().slice(0, 16));

test("days begin at midnight of the zone, also those with 23 and 25 hours", () => {
  // Sydney goes to summer time on 4 October 2026 and back on 5 April 2026.
  const spring = ticks(Date.UTC(2026, 9, 2, 14), Date.UTC(2026, 9, 5, 14), DAY, "Australia/Sydney");
  expect(told(spring)).toEqual(["2026-10-02T14:00", "2026-10-03T14:00", "2026-10-04T13:00", "2026-10-05T13:00"]);
  const autumn = ticks(Date.UTC(2026, 3, 3, 13), Date.UTC(2026, 3, 6, 14), DAY, "Australia/Sydney");
  expect(told(autumn)).toEqual(["2026-04-03T13:00", "2026-04-04T13:00", "2026-04-05T14:00", "2026-04-06T14:00"]);
});

test("hours are those of the clocks where clocks are half an hour off", () => {
  const marks = ticks(Date.UTC(2026, 10, 28, 0, 10), Date.UTC(2026, 10, 28, 9), 3 * HOUR, "America/St_Johns");
  expect(told(marks)).toEqual(["2026-11-28T00:30", "2026-11-28T03:30", "2026-11-28T06:30"]);
});

test("on the day that clocks go forward, marks go on at whole steps and never stand still", () => {
  const marks = ticks(Date.UTC(2026, 9, 3, 13), Date.UTC(2026, 9, 4, 2), 2 * HOUR, "Australia/Sydney");
  expect(labels(marks, 2 * HOUR, "Australia/Sydney").map((label) => label.split("\n")[0])).toEqual(["00:00", "04:00", "06:00", "08:00", "10:00", "12:00"]);
  const back = ticks(Date.UTC(2026, 3, 4, 13), Date.UTC(2026, 3, 4, 23), 6 * HOUR, "Australia/Sydney");
  expect(labels(back, 6 * HOUR, "Australia/Sydney").map((label) => label.split("\n")[0])).toEqual(["00:00", "06:00"]);
});

test("weeks begin on Mondays", () => {
  const marks = ticks(Date.UTC(2026, 10, 1), Date.UTC(2026, 10, 30), 7 * DAY, "UTC");
  expect(marks.map((mark) => new Date(mark).getUTCDay())).toEqual([1, 1, 1, 1, 1]);
});

test("the step fits the room", () => {
  expect(stepOf(DAY, 12)).toBe(2 * HOUR);
  expect(stepOf(15 * 60_000, 10)).toBe(2 * 60_000);
  expect(stepOf(90 * DAY, 10)).toBe(14 * DAY);
  expect(stepOf(4_000 * DAY, 5)).toBe(800 * DAY);
});

test("a day is told at the first mark and where it begins", () => {
  const marks = ticks(Date.UTC(2026, 10, 27, 18), Date.UTC(2026, 10, 28, 6), 6 * HOUR, "UTC");
  expect(labels(marks, 6 * HOUR, "UTC")).toEqual(["18:00\n27 Nov", "00:00\n28 Nov", "06:00"]);
  expect(labels(marks.slice(1, 2), DAY, "UTC")).toEqual(["28 Nov"]);
});
