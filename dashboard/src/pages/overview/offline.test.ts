import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceSchema, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { lastOffline, withNews } from "./offline";

const device = (deviceId: string, status: DeviceStatus, since: number, source = DeviceSource.REAL) =>
  create(DeviceSchema, { deviceId, source, presence: { status, statusSince: timestampFromMs(since) } });
const { ONLINE, OFFLINE } = DeviceStatus;
const any = () => true;
const ids = (...of: Parameters<typeof lastOffline>) => lastOffline(...of).map((one) => one.deviceId);

test("a device that goes offline comes first, one that is back goes", () => {
  const listed = [device("a", OFFLINE, 30), device("b", OFFLINE, 20)];
  const told = withNews(new Map(), listed, [device("c", OFFLINE, 40), device("b", ONLINE, 41), device("d", ONLINE, 42)], []);
  expect(ids(listed, told, any, 8)).toEqual(["c", "a"]);
  expect(told.has("d")).toBe(false);
});

test("what was read later goes before older news", () => {
  const told = withNews(new Map(), [device("a", OFFLINE, 10)], [device("a", ONLINE, 20)], []);
  expect(ids([device("a", OFFLINE, 30)], told, any, 8)).toEqual(["a"]);
});

test("a device that was removed goes, and may come anew under its id", () => {
  const listed = [device("a", OFFLINE, 10)];
  const gone = withNews(new Map(), listed, [], ["a", "unknown"]);
  expect(ids(listed, gone, any, 8)).toEqual([]);
  expect(ids(listed, withNews(gone, listed, [device("a", OFFLINE, 50)], ["a"]), any, 8)).toEqual(["a"]);
});

test("real and simulated ones are kept apart, and no more are shown than asked for", () => {
  const listed = [device("a", OFFLINE, 1), device("b", OFFLINE, 2, DeviceSource.SIMULATED), device("c", OFFLINE, 3)];
  expect(ids(listed, new Map(), (source) => source === DeviceSource.REAL, 8)).toEqual(["c", "a"]);
  expect(ids(listed, new Map(), any, 1)).toEqual(["c"]);
});

test("news of others change nothing", () => {
  const told = new Map();
  expect(withNews(told, [], [device("a", ONLINE, 1)], ["b"])).toBe(told);
});

test("a page that is open for days keeps no more than it needs: what is listed, and the latest of the others", () => {
  const listed = [device("listed", OFFLINE, 1)];
  let told = withNews(new Map(), listed, [device("listed", ONLINE, 2)], []);
  for (let number = 0; number < 1_000; number += 1) told = withNews(told, listed, [device(`d${number}`, OFFLINE, 10 + number)], []);
  expect(told.size).toBeLessThan(300);
  expect(ids(listed, told, any, 2)).toEqual(["d999", "d998"]);
  // One that is back is not kept at all.
  expect(withNews(told, listed, [device("d999", ONLINE, 2_000)], []).has("d999")).toBe(false);
});
