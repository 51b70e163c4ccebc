import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { SiteSchema, SummarizeFleetResponseSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { found, rowsOf, sorted } from "./rows";

const sites = [
  create(SiteSchema, { siteId: "shop-1", name: "Quay", location: "St. John’s" }),
  create(SiteSchema, { siteId: "shop-2", name: "Arcade", location: "Sydney", description: "Beside the quay" }),
  create(SiteSchema, { siteId: "depot", name: "Depot" }),
];
const real = create(SummarizeFleetResponseSchema, { bySite: [{ siteId: "shop-1", devices: 9n, online: 1n }, { siteId: "depot", devices: 2n, online: 2n }] });
const rows = rowsOf(sites, new Map([[DeviceSource.REAL, real]]));
const ids = (of: ReturnType<typeof found>) => of.map(({ site }) => site.siteId);

test("a search finds every word in any of what a site is called", () => {
  expect(ids(found(rows, ""))).toEqual(["shop-1", "shop-2", "depot"]);
  expect(ids(found(rows, "QUAY"))).toEqual(["shop-1", "shop-2"]);
  expect(ids(found(rows, "quay  sydney"))).toEqual(["shop-2"]);
  expect(ids(found(rows, "nowhere"))).toEqual([]);
});

test("sites are sorted by what the address says, both ways", () => {
  const orders = ["", "id", "-id", "name", "-name", `devices-${DeviceSource.REAL}`, `-online-${DeviceSource.REAL}`].map((sort) => ids(sorted(rows, sort)));
  expect(orders).toEqual([
    ["depot", "shop-1", "shop-2"],
    ["depot", "shop-1", "shop-2"],
    ["shop-2", "shop-1", "depot"],
    ["shop-2", "depot", "shop-1"],
    ["shop-1", "depot", "shop-2"],
    ["shop-2", "depot", "shop-1"],
    ["depot", "shop-1", "shop-2"],
  ]);
});

test("a site without devices has none; before anything was read nothing is told", () => {
  expect(rows[1]?.numbers.get(DeviceSource.REAL)).toEqual({ devices: 0, online: 0 });
  expect(rowsOf(sites, new Map([[DeviceSource.REAL, undefined]]))[0]?.numbers.get(DeviceSource.REAL)).toBeUndefined();
});
