import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceOrder, DeviceStatus, SummarizeFleetResponseSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { chips, choices, type Filter, filterOf, isEmpty, order, query, request, totalWords } from "./filter";
import { aim, aimWords } from "./target";

const { REAL, SIMULATED, UNSPECIFIED } = DeviceSource;
const at = (address: string): Filter => {
  const params = new URLSearchParams(address);
  return filterOf((name) => params.get(name) ?? "");
};
const summary = (source: DeviceSource, total: bigint, offline = 0n) =>
  create(SummarizeFleetResponseSchema, {
    source,
    total,
    byStatus: [
      { status: DeviceStatus.ONLINE, devices: total - offline },
      { status: DeviceStatus.OFFLINE, devices: offline },
    ],
    byDeviceType: [{ deviceType: "pos_terminal", devices: total }],
    bySite: total > 0n ? [{ siteId: "site-1", devices: total }] : [],
  });

test("a chosen facet of the address is a chip and part of the request", () => {
  const filter = at("status=OFFLINE&type=gateway&site=site-1");
  expect(chips(filter)).toEqual([
    { facet: "status", text: "Status: Offline" },
    { facet: "type", text: "Type: gateway" },
    { facet: "site", text: "Site: site-1" },
  ]);
  expect(request(filter)).toEqual({ siteId: "site-1", status: DeviceStatus.OFFLINE, deviceType: "gateway", labelSelector: "", search: "", active: undefined });
  expect(request(at("access=shut-out")).active).toBe(false);
  expect(chips(at("access=shut-out"))).toEqual([{ facet: "access", text: "Access: Shut out" }]);
});

test("an address without parameters filters nothing", () => {
  expect(isEmpty(at(""))).toBe(true);
  expect(chips(at(""))).toEqual([]);
  expect(isEmpty(at("labels=ring%3Dcanary"))).toBe(false);
});

test("an order of the address is the server's", () => {
  expect(order("")).toEqual({ orderBy: DeviceOrder.UNSPECIFIED, descending: false });
  expect(order("-last_seen")).toEqual({ orderBy: DeviceOrder.LAST_SEEN, descending: true });
  expect(order("nonsense")).toEqual({ orderBy: DeviceOrder.UNSPECIFIED, descending: false });
});

test("the table as a file is of the same filter", () => {
  expect(query(at("status=UNKNOWN&search=till"), "-name", SIMULATED)).toEqual({
    site_id: "",
    source: "DEVICE_SOURCE_SIMULATED",
    status: "DEVICE_STATUS_UNKNOWN",
    device_type: "",
    label_selector: "",
    search: "till",
    active: "",
    order_by: "DEVICE_ORDER_NAME",
    descending: "true",
    page_size: "1000",
  });
  expect(query(at(""), "", UNSPECIFIED)).toMatchObject({ source: "", status: "", order_by: "", descending: "" });
});

test("counts of real and simulated devices stand side by side", () => {
  const both = [summary(REAL, 1204n, 4n), summary(SIMULATED, 40n)];
  expect(totalWords(both, at("status=ONLINE"))).toBe("1,204 real and 40 simulated devices match");
  expect(totalWords([summary(REAL, 1n)], at("search=x"))).toBe("1 real device matches");
  expect(totalWords([summary(REAL, 1n)], at(""))).toBe("1 real device");
  expect(choices("status", both)).toEqual([
    { value: "ONLINE", counts: [{ source: REAL, devices: 1200n }, { source: SIMULATED, devices: 40n }] },
    { value: "OFFLINE", counts: [{ source: REAL, devices: 4n }, { source: SIMULATED, devices: 0n }] },
  ]);
  expect(choices("status", [create(SummarizeFleetResponseSchema, { byStatus: [{ status: DeviceStatus.UNKNOWN }, { status: DeviceStatus.ONLINE }] })]).map(({ value }) => value)).toEqual(["ONLINE", "UNKNOWN"]);
  expect(choices("site", [summary(REAL, 0n)])).toEqual([]);
});

test("a run is aimed at what a target can say", () => {
  expect(aim(at("site=site-1&labels=ring%3Dcanary"), REAL)).toEqual({ params: { site: "site-1", labels: "ring=canary", source: "real" }, isFleet: false });
  expect(aim(at("site=site-1&status=OFFLINE&search=x"), REAL)).toMatchObject({ why: expect.stringContaining("a search or a status") as string });
});

test("an empty filter is the whole fleet, and says so", () => {
  expect(aim(at(""), SIMULATED)).toEqual({ params: { fleet: "true", source: "simulated" }, isFleet: true });
  expect(aimWords(1204n, REAL, true)).toBe("Run a command on the whole fleet: all 1,204 real devices");
  expect(aimWords(1n, REAL, true)).toBe("Run a command on the whole fleet: the 1 real device");
  expect(aimWords(1204n, REAL, false)).toBe("Run a command on all 1,204 real devices that match");
});
