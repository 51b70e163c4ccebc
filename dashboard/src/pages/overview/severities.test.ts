import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ErrorSumSchema } from "~/gen/homepot/analytics/v1/analytics_pb";
import { bySeverity } from "./severities";

const sum = (key: string, count: number) => create(ErrorSumSchema, { key, count: BigInt(count) });

test("each severity is there once, the worst first, and only what happened has a colour", () => {
  const told = bySeverity([sum("warning", 3), sum("critical", 1)]).map(({ name, errors, tone }) => [name, errors, tone]);
  expect(told).toEqual([["CRITICAL", 1, "bad"], ["ERROR", 0, "plain"], ["WARNING", 3, "warn"], ["INFO", 0, "plain"]]);
});

test("a severity of a later version is not lost", () => {
  expect(bySeverity([sum("FATAL", 2), sum("", 4)]).slice(4).map(({ word, errors }) => [word, errors])).toEqual([["FATAL", 2], ["Not given", 4]]);
});
