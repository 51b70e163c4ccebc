import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { DeviceSchema, SummarizeFleetResponseSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { bySite, changesTotals, counted, percent, worstSites } from "./counts";

const fleet = (sites: [string, number, number][], sitesLeftOut = 0) =>
  create(SummarizeFleetResponseSchema, {
    sitesLeftOut,
    bySite: sites.map(([siteId, devices, online]) => ({ siteId, devices: BigInt(devices), online: BigInt(online) })),
  });

test("the worst site is the one with the most devices offline, then with the larger share of them", () => {
  const all = fleet([["large", 100, 90], ["small", 5, 1], ["fine", 40, 40], ["middle", 50, 46]]);
  const offline = fleet([["large", 4, 0], ["middle", 4, 0], ["small", 4, 0], ["fine", 0, 0]]).bySite;
  expect(worstSites(offline, all, 10).map((site) => site.siteId)).toEqual(["small", "middle", "large"]);
  expect(worstSites(offline, all, 1)).toEqual([{ siteId: "small", offline: 4, numbers: { devices: 5, online: 1 } }]);
});

test("a site that was not counted is not told to have no devices", () => {
  expect(bySite(fleet([["a", 1, 1]])).of("b")).toEqual({ devices: 0, online: 0 });
  expect(bySite(fleet([["a", 1, 1]], 3)).of("b")).toBeUndefined();
  expect(worstSites(fleet([["b", 2, 0]]).bySite, fleet([["a", 1, 1]], 3), 5)[0]?.numbers).toBeUndefined();
});

test("a share is 0 or 100 only where it is so", () => {
  const shares = [percent(0, 0), percent(0, 9), percent(1, 1_000), percent(999, 1_000), percent(9, 9), percent(1, 3)];
  expect(shares).toEqual([0, 0, 1, 99, 100, 33]);
});

test("one is singular", () => {
  expect([counted(0, "device"), counted(1n, "device"), counted(12_345, "device")]).toEqual(["0 devices", "1 device", "12,345 devices"]);
});

test("a heartbeat changes no total; a change of status, a new record and a removal do", () => {
  const device = (statusSince: number, updatedAt: number, lastSeenAt: number) =>
    create(DeviceSchema, {
      updatedAt: timestampFromMs(updatedAt),
      presence: { statusSince: timestampFromMs(statusSince), lastSeenAt: timestampFromMs(lastSeenAt) },
    });
  expect(changesTotals([device(1, 1, 900)], [], 500)).toBe(false);
  expect(changesTotals([device(1, 1, 900), device(600, 1, 1)], [], 500)).toBe(true);
  expect(changesTotals([device(1, 600, 1)], [], 500)).toBe(true);
  expect(changesTotals([], ["gone"], 500)).toBe(true);
});
