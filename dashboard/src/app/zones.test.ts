import { expect, test } from "vitest";
import { offsetWords, zones } from "./zones";

test("UTC can be chosen, once", () => {
  expect(zones()[0]).toBe("UTC");
  expect(zones().filter((zone) => zone === "UTC")).toHaveLength(1);
  expect(zones()).toContain("Australia/Sydney");
});

test("the difference from UTC is that of the day", () => {
  expect(offsetWords("UTC", 0)).toBe("UTC");
  expect(offsetWords("America/St_Johns", Date.UTC(2026, 0, 1))).toBe("UTC-03:30");
  expect(offsetWords("Australia/Sydney", Date.UTC(2026, 9, 3, 15, 59))).toBe("UTC+10:00");
  expect(offsetWords("Australia/Sydney", Date.UTC(2026, 9, 3, 16, 0))).toBe("UTC+11:00");
});
