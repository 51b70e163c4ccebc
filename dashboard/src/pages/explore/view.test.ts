import { expect, test, vi } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { GapReason, Metric, QuerySource } from "~/gen/homepot/telemetry/v1/telemetry_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { sourceOf, viewOf } = await import("./view");
const { tableOf } = await import("./table");

const address = { by: "", devices: [], site: "", metrics: [] };

test("an empty address asks for nothing, and would show the processor", () => {
  expect(viewOf(address)).toEqual({ by: "devices", target: { deviceIds: [] }, metrics: [Metric.CPU_PERCENT], isAsked: false });
});

test("ten devices at most, each once", () => {
  const devices = ["a", "a", ...Array.from({ length: 12 }, (_, index) => `d${index}`)];
  expect(viewOf({ ...address, devices }).target.deviceIds).toEqual(["a", "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"]);
});

test("a link to a site needs no word more, and its devices are together", () => {
  expect(viewOf({ ...address, site: "s" })).toMatchObject({ by: "site", target: { siteId: "s", together: true }, isAsked: true });
  expect(viewOf({ ...address, by: "site" }).isAsked).toBe(false);
});

test("the switch rules what is together, named devices are shown whichever they are", () => {
  expect(sourceOf("site", DeviceSource.REAL)).toBe(DeviceSource.REAL);
  expect(sourceOf("devices", DeviceSource.REAL)).toBe(DeviceSource.UNSPECIFIED);
});

test("the table has each point and each gap once, in the zone", () => {
  const series = { deviceId: "=cmd", siteId: "s", metric: Metric.CPU_PERCENT, source: DeviceSource.SIMULATED, times: [0], averages: [1.5], lows: [-1], highs: [2], sums: [3], counts: [2] };
  const gap = { deviceId: "a", source: DeviceSource.REAL, from: 0, to: 60_000, reason: GapReason.NO_SAMPLES, samples: 0 };
  const data = { resolutionMs: 60_000, madeFrom: QuerySource.RAW, from: 0, to: 60_000, series: [series], gaps: [gap], wholeAt: 0 };
  expect(tableOf([data, { ...data, series: [] }], "Asia/Kathmandu").split("\r\n").slice(1)).toEqual([
    "1970-01-01T05:30:00+05:30,'=cmd,s,simulated,cpu_percent,60,1.5,-1,2,3,2",
    "1970-01-01T05:30:00+05:30,a,,real,,,,,,,,1970-01-01T05:31:00+05:30,no_samples",
    "",
  ]);
});
