import { expect, test } from "vitest";
import { ActivityType } from "~/gen/homepot/analytics/v1/analytics_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { during } from "~/parts/during";
import { filterOf, queryOf, TYPES, typePlace } from "./filter";

const params: Record<string, string> = { type: "SEARCH", page: "/sites", visit: "v-1" };
const filter = filterOf((name) => params[name] ?? "");

test("the address says which activity", () => {
  expect(filter).toEqual({ activityType: ActivityType.SEARCH, pageUrl: "/sites", operator: "", sessionId: "v-1" });
  expect(during(filter, { last: 60_000 }, DeviceSource.REAL, 100_000)).toMatchObject({ pageUrl: "/sites", source: DeviceSource.REAL, endTime: undefined });
});

test("the table is of the same", () => {
  expect(queryOf(filter, { last: 60_000 }, "SIMULATED", 60_000)).toMatchObject({ "filter.activity_type": "ACTIVITY_TYPE_SEARCH", "filter.source": "DEVICE_SOURCE_SIMULATED", "filter.start_time": "1970-01-01T00:00:00.000Z", "filter.end_time": "" });
});

test("sums find their kind however their key is written", () => {
  expect(["click", "CLICK", "ACTIVITY_TYPE_CLICK"].map(typePlace)).toEqual([1, 1, 1]);
  expect(typePlace("new")).toBe(TYPES.length - 1);
});
