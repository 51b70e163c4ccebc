import { expect, test } from "vitest";
import { missing, numbersWords } from "./words";

test("a plan says how many devices change, have the release and are skipped", () => {
  expect(numbersWords({ devicesTotal: 24, devicesSkipped: 2, devicesCurrent: 1, sites: 3 })).toBe(" at 3 sites: 21 change, 1 has the release already, 2 would be skipped.");
  expect(numbersWords({ devicesTotal: 1, devicesSkipped: 0, devicesCurrent: 0, sites: 1 })).toBe(" at 1 site: 1 changes.");
});

test("what is missing for the start is told in the order of the form", () => {
  expect(missing(undefined, false, false)).toContain("release");
  expect(missing(undefined, true, false)).toContain("marked");
  expect(missing(undefined, true, true)).toContain("listed");
  expect(missing({ devicesTotal: 0, devicesSkipped: 0 }, true, true)).toContain("no device");
  expect(missing({ devicesTotal: 2, devicesSkipped: 2 }, true, true)).toContain("skipped");
});
