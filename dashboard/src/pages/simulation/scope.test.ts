import { expect, test } from "vitest";
import { counts, devicesWords, removal } from "./scope";

test("all is said by itself, whatever else was chosen before", () => {
  expect(removal({ what: "all", sites: new Set(["a"]), labels: "x=1" })).toEqual({ siteIds: [], labelSelector: "", all: true });
});

test("no condition is no removal, never one of everything", () => {
  expect(removal({ what: "some", sites: new Set(), labels: "  " })).toBeUndefined();
});

test("conditions hold together", () => {
  const wanted = removal({ what: "some", sites: new Set(["b", "a"]), labels: " ring=canary " });
  expect(wanted).toEqual({ siteIds: ["a", "b"], labelSelector: "ring=canary", all: false });
  expect(wanted && counts(wanted).map(({ siteId, labelSelector }) => [siteId, labelSelector])).toEqual([["a", "ring=canary"], ["b", "ring=canary"]]);
});

test("without sites one count is enough", () => {
  expect(counts({ siteIds: [], labelSelector: "", all: true })).toHaveLength(1);
});

test("one device is one", () => {
  expect([0, 1, 12_000].map(devicesWords)).toEqual(["0 simulated devices", "1 simulated device", "12,000 simulated devices"]);
});
