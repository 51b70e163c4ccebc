import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { DeviceSampleSchema, Metric, SampleSchema } from "~/gen/homepot/telemetry/v1/telemetry_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { grouped, isStale, merged, metricsOf } = await import("./readings");

const sample = (at: number, values: object) => create(DeviceSampleSchema, { sample: create(SampleSchema, { collectedAt: timestampFromMs(at), ...values }) });

test("a value that a newer sample leaves out keeps its own age", () => {
  const held = merged(merged(new Map(), sample(1_000, { cpuPercent: 10, diskPercent: 50 })), sample(6_000, { cpuPercent: 20 }));
  expect(held.get("cpu_percent")).toMatchObject({ text: "20 %", percent: 20, at: 6_000 });
  expect(held.get("disk_percent")).toMatchObject({ at: 1_000 });
  expect(merged(held, sample(2_000, { cpuPercent: 90 })).get("cpu_percent")).toMatchObject({ percent: 20 });
});

test("figures of trade are there only where there is trade", () => {
  const titles = (values: object) => grouped(merged(new Map(), sample(1, values))).map(({ title }) => title);
  expect(titles({ cpuPercent: 1 })).toEqual(["Machine"]);
  expect(titles({ cpuPercent: 1, transactionCount: 0n, temperatures: [{ sensor: "cpu", celsius: 40 }] })).toEqual(["Machine", "Trade", "Temperatures"]);
});

test("charts are of what is measured", () => {
  expect(metricsOf(create(SampleSchema, { load1m: 0.5, bytesSent: 7n }))).toEqual([Metric.LOAD_1M, Metric.BYTES_SENT]);
});

test("a sample is stale after three intervals, and no sooner than after a minute", () => {
  const one = create(SampleSchema, { collectedAt: timestampFromMs(0), collectionInterval: { seconds: 60n, nanos: 0 } });
  expect([59_000, 170_000, 181_000].map((now) => isStale(one, now))).toEqual([false, false, true]);
});
