import { expect, test } from "vitest";
import { ValueOrigin } from "~/gen/homepot/rollout/v1/value_pb";
import { missing, numbersWords, valueWords } from "./words";

test("a plan says how many devices change, have the release and are skipped", () => {
  expect(numbersWords({ devicesTotal: 24, devicesSkipped: 2, devicesCurrent: 1, sites: 3 })).toBe(" at 3 sites: 21 change, 1 has the release already, 2 would be skipped.");
  expect(numbersWords({ devicesTotal: 1, devicesSkipped: 0, devicesCurrent: 0, sites: 1 })).toBe(" at 1 site: 1 changes.");
});

test("a value is told with where it comes from, and a secret is not", () => {
  const port = { variable: "port", value: "8080", secret: false, origin: ValueOrigin.SITE, changed: true };
  expect(valueWords(port)).toBe("port = 8080 (site, changed)");
  expect(valueWords({ ...port, variable: "pin", value: "", secret: true, changed: false })).toBe("pin = secret (site)");
});

test("what is missing for the start is told in the order of the form", () => {
  expect(missing(undefined, false, false)).toContain("release");
  expect(missing(undefined, true, false)).toContain("marked");
  expect(missing(undefined, true, true)).toContain("listed");
  expect(missing({ devicesTotal: 0, devicesSkipped: 0 }, true, true)).toContain("no device");
  expect(missing({ devicesTotal: 2, devicesSkipped: 2 }, true, true)).toContain("skipped");
});
