import { expect, test } from "vitest";
import { windowOf } from "./window";

const frame = (scrollTop: number, height = 400) => ({ scrollTop, height, rowPx: 40 });

test("all rows in sight are in the window, and four more at each end", () => {
  // The head covers a row: nine rows are in sight.
  expect(windowOf(frame(0), 1_000)).toEqual({ first: 0, end: 13 });
  expect(windowOf(frame(4_000), 1_000)).toEqual({ first: 96, end: 113 });
  // Half a row at the top and half a row at the foot.
  expect(windowOf(frame(4_020), 1_000)).toEqual({ first: 96, end: 114 });
});

test("a window ends with the rows, also where the list became shorter than the place to which it is scrolled", () => {
  expect(windowOf(frame(40_000 - 360), 1_000)).toEqual({ first: 986, end: 1_000 });
  expect(windowOf(frame(4_000), 20)).toEqual({ first: 6, end: 20 });
  expect(windowOf(frame(4_000), 0)).toEqual({ first: 0, end: 0 });
});
