import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceSchema, EnrollmentTokenSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { arrivedBy, withArrivals } from "./arrivals";

const token = create(EnrollmentTokenSchema, { siteId: "shop", source: DeviceSource.REAL, createdAt: timestampFromMs(1_000) });
const device = (deviceId: string, over: { siteId?: string; source?: DeviceSource; at?: number } = {}) =>
  create(DeviceSchema, { deviceId, siteId: over.siteId ?? "shop", source: over.source ?? DeviceSource.REAL, createdAt: timestampFromMs(over.at ?? 2_000) });

test("only devices of the token's site and source that came after it are taken for its own", () => {
  const news = [device("new"), device("old", { at: 999 }), device("elsewhere", { siteId: "depot" }), device("played", { source: DeviceSource.SIMULATED })];
  expect(arrivedBy(token, news).map((one) => one.deviceId)).toEqual(["new"]);
});

test("a device that is told again keeps its place, one that was removed goes", () => {
  const two = withArrivals(new Map(), [device("a"), device("b")], []);
  expect([...withArrivals(two, [device("a")], []).keys()]).toEqual(["a", "b"]);
  expect([...withArrivals(two, [], ["a"]).keys()]).toEqual(["b"]);
  expect(withArrivals(two, [], ["c"])).toBe(two);
});
