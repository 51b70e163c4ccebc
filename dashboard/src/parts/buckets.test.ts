import { expect, test } from "vitest";
import { axisEnd, barMarks, barsOf, barStep, sumStep } from "./buckets";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("bars are days of the zone, the one of a change of clocks with 23 hours", () => {
  const from = Date.UTC(2026, 9, 2, 14);
  const bars = barsOf([{ time: Date.UTC(2026, 9, 4, 13), kind: 1, count: 3 }, { time: Date.UTC(2026, 9, 4, 12), kind: 0, count: 2 }], 2, { from, to: from + 3 * DAY - HOUR, step: DAY, zone: "Australia/Sydney" });
  expect(bars.map((bar) => (bar.to - bar.from) / HOUR)).toEqual([24, 23, 24]);
  expect(bars.map(({ counts }) => counts)).toEqual([[0, 0], [2, 0], [0, 3]]);
});

test("the first bar begins with the hour in which the view does, as the server counts", () => {
  const bars = barsOf([{ time: 0, kind: 0, count: 1 }], 1, { from: HOUR / 2, to: 2 * HOUR, step: HOUR, zone: "UTC" });
  expect(bars).toEqual([{ from: 0, to: HOUR, counts: [1] }, { from: HOUR, to: 2 * HOUR, counts: [0] }]);
});

test("a longer view has longer bars", () => {
  expect([DAY, 7 * DAY, 30 * DAY].map(barStep)).toEqual([HOUR, 6 * HOUR, DAY]);
});

test("the axis ends at a round number", () => {
  const ends = [0, 1, 7, 12, 278, 1_050].map((count) => axisEnd([{ from: 0, to: 1, counts: [count] }]));
  expect(ends).toEqual([1, 1, 8, 20, 300, 2_000]);
});

test("marks are few and none stands beyond the end", () => {
  const bars = barsOf([], 1, { from: 0, to: DAY, step: HOUR, zone: "UTC" });
  expect(barMarks(bars, HOUR, "UTC", 8).map(({ text }) => text.split("\n")[0])).toEqual(["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]);
  expect(barMarks(bars, HOUR, "UTC", 23).length).toBe(12);
});

test("sums lie in one bar each, also where clocks are half an hour or three quarters off", () => {
  const range = { from: Date.UTC(2026, 10, 27), to: Date.UTC(2026, 10, 28) };
  const steps = ["UTC", "Australia/Sydney", "America/St_Johns", "Asia/Kathmandu"].map((zone) => sumStep(zone, range));
  expect(steps).toEqual([HOUR, HOUR, HOUR / 4, HOUR / 4]);
  const midnight = Date.UTC(2026, 10, 27, 3, 30);
  const sums = [midnight - HOUR / 4, midnight].map((time) => ({ time, kind: 0, count: 1 }));
  const bars = barsOf(sums, 1, { from: midnight - DAY, to: midnight + DAY, step: DAY, zone: "America/St_Johns" });
  expect(bars.map(({ from, counts }) => [from, counts[0]])).toEqual([[midnight - DAY, 1], [midnight, 1]]);
});
