import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RunProgressSchema, TargetSchema } from "~/gen/homepot/command/v1/command_pb";
import { limits } from "./limits";
import { partsOf, progressWords, shortProgress } from "./progress";
import { targetWords } from "./target";

const progress = create(RunProgressSchema, { total: 24, waiting: 2, inFlight: 1, succeeded: 16, failed: 4, skipped: 1 });

test("the parts of a run's bar are all of its devices", () => {
  expect(partsOf(progress).reduce((sum, { count }) => sum + count, 0)).toBe(24);
  expect(progressWords(progress)).toBe("16 succeeded, 4 failed, 1 in flight, 2 waiting, 1 skipped of 24");
  expect(shortProgress(progress)).toBe("21 of 24 ended, 4 failed");
});

test("limits are whole numbers within bounds; empty ones stay as they were", () => {
  expect(limits("", "")).toEqual({ value: {} });
  expect(limits("0", " 25 ")).toEqual({ value: { maxFailures: 0, maxInFlight: 25 } });
  expect(Object.keys(limits("-1", "0"))).toEqual(["failures", "inFlight"]);
  expect(Object.keys(limits("1000001", "1001"))).toEqual(["failures", "inFlight"]);
});

test("a target is told in words", () => {
  const words = [
    { deviceIds: ["till-7"] },
    { deviceIds: ["a", "b"] },
    { siteId: "site-001", source: 1 },
    { siteId: "shop-1", labelSelector: "role=till", source: 2 },
    { fleet: true, source: 1 },
  ].map((target) => targetWords(create(TargetSchema, target)));
  expect(words).toEqual(["the device till-7", "2 named devices", "real devices at site-001", "simulated devices with role=till at shop-1", "the whole fleet of real devices"]);
});
