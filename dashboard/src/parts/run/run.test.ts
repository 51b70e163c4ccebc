import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RunProgressSchema } from "~/gen/homepot/command/v1/command_pb";
import { limits } from "./limits";
import { partsOf, progressWords, shortProgress } from "./progress";

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
