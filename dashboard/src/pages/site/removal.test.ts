import { expect, test } from "vitest";
import { History } from "~/gen/homepot/registry/v1/registry_pb";
import { devicesInWords, isReady, NOTHING_SAID, toType } from "./removal";

const none = { real: 0, simulated: 0 };
const said = { ...NOTHING_SAID, id: "shop-7", history: History.KEEP };

test("a site without devices needs its id and what becomes of the history", () => {
  expect(isReady("shop-7", none, said)).toBe(true);
  expect(isReady("shop-7", none, { ...said, id: "shop-8" })).toBe(false);
  expect(isReady("shop-7", none, { ...said, history: History.UNSPECIFIED })).toBe(false);
});

test("devices go only when that is said, with the count of each source that has more than one", () => {
  const counts = { real: 1_200, simulated: 1 };
  expect(toType(counts)).toEqual(["real"]);
  expect(isReady("shop-7", counts, said)).toBe(false);
  expect(isReady("shop-7", counts, { ...said, withDevices: true })).toBe(false);
  expect(isReady("shop-7", counts, { ...said, withDevices: true, counts: { real: "1201", simulated: "" } })).toBe(false);
  expect(isReady("shop-7", counts, { ...said, withDevices: true, counts: { real: "1,200", simulated: "" } })).toBe(true);
});

test("both sources are named and never summed", () => {
  expect(devicesInWords({ real: 1_200, simulated: 1 })).toBe("1,200 real devices and 1 simulated device");
  expect(devicesInWords({ real: 0, simulated: 2 })).toBe("2 simulated devices");
  expect(devicesInWords(none)).toBe("");
});
