import { expect, test } from "vitest";
import { nameOf, rangeOf, spanOf, zoomed } from "./span";

test("an address without a span shows what is usual, and so does one that makes no sense", () => {
  expect(spanOf("", "", "")).toEqual({ last: 86_400_000 });
  expect(spanOf("7 weeks", "", "")).toEqual({ last: 86_400_000 });
  expect(spanOf("15m", "20", "10")).toEqual({ last: 900_000 });
  expect(spanOf("", "", "", "7d")).toEqual({ last: 7 * 86_400_000 });
});

test("from and to go before a name", () => {
  const span = spanOf("15m", "10", "20");
  expect(span).toEqual({ from: 10, to: 20 });
  expect(nameOf(span)).toBe("");
  expect(rangeOf(span, 1_000)).toEqual({ from: 10, to: 20 });
});

test("the last hour ends now", () => {
  const span = spanOf("1h", "", "");
  expect(rangeOf(span, 7_200_000)).toEqual({ from: 3_600_000, to: 7_200_000 });
  expect(nameOf(span)).toBe("1h");
});

test("a zoom shows a minute at least and nothing to come", () => {
  expect(zoomed(100_000, 101_000, 1_000_000)).toEqual({ from: 41_000, to: 101_000 });
  expect(zoomed(500_000, 1_500_000, 1_000_000)).toEqual({ from: 0, to: 1_000_000 });
});
