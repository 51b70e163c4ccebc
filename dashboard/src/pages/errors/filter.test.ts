import { expect, test } from "vitest";
import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { during } from "~/parts/during";
import { filterOf, queryOf } from "./filter";

const params: Record<string, string> = { severity: "WARNING", code: "E_1", device: "till-7" };
const filter = filterOf((name) => params[name] ?? "");

test("the address says which errors", () => {
  expect(filter).toEqual({ severity: Severity.WARNING, category: "", errorCode: "E_1", endpoint: "", deviceId: "till-7", siteId: "" });
  expect(filterOf((name) => (name === "severity" ? "AWFUL" : "")).severity).toBe(Severity.UNSPECIFIED);
});

test("the end of a span that moves on is the server's now", () => {
  const asked = during(filter, { last: 60_000 }, DeviceSource.REAL, 100_000);
  expect([asked.startTime.seconds, asked.endTime]).toEqual([40n, undefined]);
  expect(during(filter, { from: 0, to: 5_000 }, DeviceSource.REAL, 100_000).endTime?.seconds).toBe(5n);
});

test("the table is of the same", () => {
  expect(queryOf(filter, { from: 0, to: 5_000 }, "UNSPECIFIED", 0)).toMatchObject({
    "filter.severity": "SEVERITY_WARNING",
    "filter.device_id": "till-7",
    "filter.source": "",
    "filter.start_time": "1970-01-01T00:00:00.000Z",
    "filter.end_time": "1970-01-01T00:00:05.000Z",
  });
});
