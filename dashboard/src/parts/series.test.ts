import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { GapReason, Metric, QueryResponseSchema, QuerySource } from "~/gen/homepot/telemetry/v1/telemetry_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { Collector, extended, isSilentAtEnd, reasonText } = await import("./series");
const { linesOf, stretchesOf } = await import("./lines");

const S = 1_000;

function plan(from: number, to: number) {
  return create(QueryResponseSchema, { message: { case: "plan", value: { resolution: { seconds: 10n, nanos: 0 }, source: QuerySource.MINUTES, startTime: timestampFromMs(from), endTime: timestampFromMs(to) } } });
}

function piece(deviceId: string, times: number[], values: number[], metric = Metric.CPU_PERCENT, source = DeviceSource.REAL) {
  const points = times.map((time, at) => ({ startTime: timestampFromMs(time), average: values[at] ?? 0, min: (values[at] ?? 0) - 1, max: (values[at] ?? 0) + 1, sum: 10, count: 2n, last: 0 }));
  return create(QueryResponseSchema, { message: { case: "series", value: { deviceId, siteId: "s", metric, source, points } } });
}

function gap(deviceId: string, from: number, to: number, reason = GapReason.NO_SAMPLES, samples = 0n) {
  return create(QueryResponseSchema, { message: { case: "gap", value: { deviceId, startTime: timestampFromMs(from), endTime: timestampFromMs(to), reason, samples, source: DeviceSource.REAL } } });
}

function read(...messages: ReturnType<typeof plan>[]) {
  const collector = new Collector();
  for (const message of messages) collector.take(message);
  return collector.done(0);
}

test("pieces of a series are one, and what has no points is none", () => {
  const data = read(plan(0, 40 * S), piece("a", [0, 10 * S], [1, 2]), piece("b", [], []), piece("a", [20 * S], [3]));
  expect(data.series.map(({ deviceId, times, averages, highs, counts }) => ({ deviceId, times, averages, highs, counts }))).toEqual([{ deviceId: "a", times: [0, 10 * S, 20 * S], averages: [1, 2, 3], highs: [2, 3, 4], counts: [2, 2, 2] }]);
  expect([data.resolutionMs, data.madeFrom, data.from, data.to]).toEqual([10 * S, QuerySource.MINUTES, 0, 40 * S]);
});

test("a newer end replaces what it covers and brings what is new; what has gone by is dropped", () => {
  const before = read(plan(0, 40 * S), piece("a", [0, 10 * S, 20 * S, 30 * S], [1, 2, 3, 4]), piece("gone", [0], [1]));
  const end = read(plan(20 * S, 60 * S), piece("a", [20 * S, 30 * S, 40 * S], [3, 9, 5]), piece("new", [40 * S], [7]));
  const after = extended(before, end, 10 * S);
  expect(after.series.map(({ deviceId, times, averages }) => [deviceId, times, averages])).toEqual([
    ["a", [10 * S, 20 * S, 30 * S, 40 * S], [2, 3, 9, 5]],
    ["new", [40 * S], [7]],
  ]);
  expect([after.from, after.to]).toEqual([10 * S, 60 * S]);
});

test("a gap that goes on stays one gap, and one that was filled ends", () => {
  const before = read(plan(0, 40 * S), piece("a", [0], [1]), gap("a", 10 * S, 40 * S), gap("b", 30 * S, 40 * S), gap("c", -50 * S, -40 * S));
  const end = read(plan(20 * S, 60 * S), gap("a", 20 * S, 60 * S));
  expect(extended(before, end, 0).gaps.map(({ deviceId, from, to }) => [deviceId, from, to])).toEqual([["a", 10 * S, 60 * S]]);
});

test("a device that is silent at the end is noticed", () => {
  expect(isSilentAtEnd(read(plan(0, 60 * S), gap("a", 10 * S, 50 * S)))).toBe(true);
  expect(isSilentAtEnd(read(plan(0, 60 * S), gap("a", 10 * S, 30 * S)))).toBe(false);
});

test("averages have a band and sums have none; each device and each kind is named", () => {
  const data = read(plan(0, 40 * S), piece("a", [0], [1]), piece("b", [0], [2], Metric.CPU_PERCENT, DeviceSource.SIMULATED), piece("a", [0], [3], Metric.TRANSACTION_COUNT));
  expect(linesOf(data, Metric.CPU_PERCENT)).toEqual([
    { name: "a", note: undefined, step: 10 * S, times: [0], values: [1], lows: [0], highs: [2] },
    { name: "b", note: "simulated", step: 10 * S, times: [0], values: [2], lows: [1], highs: [3] },
  ]);
  expect(linesOf(data, Metric.TRANSACTION_COUNT)).toEqual([{ name: "a", note: undefined, step: 10 * S, times: [0], values: [10] }]);
  const together = read(plan(0, 40 * S), piece("", [0], [1]), piece("", [0], [2], Metric.CPU_PERCENT, DeviceSource.SIMULATED));
  expect(linesOf(together, Metric.CPU_PERCENT).map(({ name }) => name)).toEqual(["Real devices together", "Simulated devices together"]);
});

test("gaps belong to their lines and say why; of devices together they say whose they are", () => {
  const one = read(plan(0, 40 * S), piece("a", [0], [1]), gap("a", 10 * S, 20 * S, GapReason.SPOOL_FULL, 12n), gap("other", 10 * S, 20 * S));
  expect(stretchesOf(one, Metric.CPU_PERCENT)).toEqual([{ line: 0, from: 10 * S, to: 20 * S, reason: reasonText({ reason: GapReason.SPOOL_FULL, samples: 12 }) }]);
  expect(reasonText({ reason: GapReason.SPOOL_FULL, samples: 12 })).toContain("(12 lost)");
  const together = read(plan(0, 40 * S), piece("", [0], [1]), gap("a", 10 * S, 20 * S));
  expect(stretchesOf(together, Metric.CPU_PERCENT)[0]).toMatchObject({ line: 0, of: "a" });
});
