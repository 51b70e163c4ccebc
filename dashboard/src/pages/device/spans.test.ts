import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { DeviceStatus, StateChangeCause, StateChangeSchema } from "~/gen/homepot/registry/v1/registry_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { because, share, stretches, tally } = await import("./spans");

const { ONLINE, OFFLINE, UNKNOWN } = DeviceStatus;
const at = (time: number, status: DeviceStatus, flapping = false) => create(StateChangeSchema, { time: timestampFromMs(time), status, flapping });

test("before the oldest entry nothing is known", () => {
  expect(stretches([at(40, ONLINE)], 0, 100)).toEqual([
    { kind: "unknown", from: 0, to: 40 },
    { kind: "online", from: 40, to: 100 },
  ]);
  expect(stretches([], 0, 100)).toEqual([{ kind: "unknown", from: 0, to: 100 }]);
});

test("an entry before the span says how it begins", () => {
  expect(stretches([at(60, OFFLINE), at(-500, ONLINE)], 0, 100)).toEqual([
    { kind: "online", from: 0, to: 60 },
    { kind: "offline", from: 60, to: 100 },
  ]);
});

test("entries after the span count for nothing, and equal neighbours are one", () => {
  expect(stretches([at(200, OFFLINE), at(50, ONLINE), at(10, ONLINE)], 20, 100)).toEqual([{ kind: "online", from: 20, to: 100 }]);
});

test("while only changes are counted, it is neither there nor away", () => {
  expect(stretches([at(80, ONLINE), at(30, OFFLINE, true), at(0, ONLINE)], 0, 100).map(({ kind }) => kind)).toEqual(["online", "flapping", "online"]);
});

test("where a real device took over, its history begins", () => {
  expect(stretches([at(70, ONLINE), at(50, UNKNOWN), at(0, OFFLINE)], 0, 100).map(({ kind }) => kind)).toEqual(["offline", "unknown", "online"]);
});

test("the share is of the time that is known", () => {
  const told = tally(stretches([at(90, ONLINE), at(80, OFFLINE), at(70, ONLINE), at(60, OFFLINE), at(50, ONLINE)], 0, 100));
  expect(told).toEqual({ onlinePercent: 60, absences: 2, awayMs: 20, longestMs: 10, flappingMs: 0, unknownMs: 50 });
  expect(tally([]).onlinePercent).toBeUndefined();
});

test("almost all is not all", () => {
  expect([100, 99.9999, 0.00001, 0, 98.2].map(share)).toEqual(["100 %", "99.99 %", "0.01 %", "0 %", "98.20 %"]);
});

test("a cause is told in the server's words, or in ours", () => {
  const change = (values: object) => because(create(StateChangeSchema, values));
  expect(change({ cause: StateChangeCause.DETACHED, detail: "its stream ended: reset" })).toBe("Its stream ended: reset");
  expect(change({ cause: StateChangeCause.SILENT, changesNotShown: 7 })).toBe("Nothing was heard from it for 2.5 heartbeats (7 more changes before it are only counted)");
  expect(change({ cause: 99 })).toMatch(/does not know/);
});
