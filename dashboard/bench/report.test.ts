import { expect, test } from "vitest";
import { digits, percentile, slope, table } from "./report";

test("a percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0.5, 0.95, 1].map((share) => percentile(values, share))).toEqual([50, 95, 100]);
  expect(percentile([], 0.95)).toBe(0);
});

test("what stays the same has no slope, and a leak has that of its steps", () => {
  expect(slope([7, 7, 7, 7])).toBe(0);
  expect(slope([1, 3, 5, 7])).toBe(2);
  expect(slope([5])).toBe(0);
});

test("a figure is as long as it says something", () => {
  expect([1_234.5, 123.4, 12.34, 1.234, 0.01234, 0].map(digits)).toEqual(["1,235", "123", "12.3", "1.23", "0.012", "0.00"]);
});

test("a row tells whether its bar holds", () => {
  const told = table([{ name: "frame", figure: 33.4, unit: "ms", ceiling: { figure: 16.7, of: "empty page" }, atMost: 16.7 }]);
  expect(told).toMatch(/frame +33\.4 ms +16\.7 \(empty page\) +2\.00 +≤ 16\.7 MISSED/);
});
