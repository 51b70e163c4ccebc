import { expect, test, vi } from "vitest";
import { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { METRICS, metricInfo, metricsOf } = await import("./metrics");

test("each metric of the contract has its name and unit", () => {
  const all = Object.values(Metric).filter((value): value is Metric => typeof value === "number" && value !== Metric.UNSPECIFIED);
  expect(METRICS.map(({ metric }) => metric).sort((a, b) => a - b)).toEqual(all);
  expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  expect(metricInfo(Metric.CPU_PERCENT).key).toBe("cpu_percent");
});

test("an address names metrics; what is unknown or twice is left out", () => {
  expect(metricsOf(["load_1m", "nonsense", "cpu_percent", "load_1m"])).toEqual([Metric.LOAD_1M, Metric.CPU_PERCENT]);
});
