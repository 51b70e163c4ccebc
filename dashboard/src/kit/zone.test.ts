import { expect, test } from "vitest";
import { inputText, inputTime, iso, offset } from "./zone";

const HOUR = 3_600_000;

test("clocks of a zone are ahead or behind by its rules", () => {
  expect(offset(Date.UTC(2026, 6, 1), "Australia/Sydney")).toBe(10 * HOUR);
  expect(offset(Date.UTC(2026, 11, 1), "Australia/Sydney")).toBe(11 * HOUR);
  expect(offset(Date.UTC(2026, 11, 1), "America/St_Johns")).toBe(-3.5 * HOUR);
  expect(offset(-1, "UTC")).toBe(0);
});

test("a time in a table says its distance from UTC", () => {
  const time = Date.UTC(2026, 10, 28, 1, 2, 3);
  expect(iso(time, "Australia/Sydney")).toBe("2026-11-28T12:02:03+11:00");
  expect(iso(time, "America/St_Johns")).toBe("2026-11-27T21:32:03-03:30");
  expect(iso(time + 250, "UTC")).toBe("2026-11-28T01:02:03.250+00:00");
});

test("what a field shows is the time that it gives back", () => {
  for (const zone of ["UTC", "Australia/Sydney", "America/St_Johns", "Asia/Kathmandu"]) {
    for (const time of [Date.UTC(2026, 9, 3, 15, 59), Date.UTC(2026, 9, 3, 16, 0), Date.UTC(2026, 3, 4, 17, 0)]) {
      expect(inputTime(inputText(time, zone), zone)).toBe(time);
    }
  }
  expect(inputTime("", "UTC")).toBeUndefined();
});

test("a time that clocks skip is the one as long after", () => {
  expect(inputTime("2026-10-04T02:30", "Australia/Sydney")).toBe(Date.UTC(2026, 9, 3, 16, 30));
});
