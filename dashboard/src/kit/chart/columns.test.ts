import { expect, test } from "vitest";
import { columnsOf, endedAt, lonely, pointAt, reach } from "./columns";

const line = (name: string, times: number[], values: number[]) => ({ name, times, values, lows: values.map((value) => value - 1), highs: values.map((value) => value + 1) });

test("lines with other times are not broken by one another", () => {
  const { times, lines } = columnsOf([line("a", [0, 10, 20], [1, 2, 3]), line("b", [5, 15, 25], [4, 5, 6])], [], 0, 30);
  expect(times).toEqual([0, 5, 10, 15, 20, 25, 30]);
  expect(lines[0]?.values).toEqual([1, undefined, 2, undefined, 3, undefined, undefined]);
  expect(lines[1]?.highs).toEqual([undefined, 5, undefined, 6, undefined, 7, undefined]);
});

test("a gap that was told breaks the line and its band, and only that line", () => {
  const { times, lines } = columnsOf([line("a", [0, 10, 20, 40], [1, 2, 3, 4]), line("b", [0, 10, 20, 30, 40], [1, 1, 1, 1, 1])], [{ line: 0, from: 30, to: 40, reason: "off" }], 0, 40);
  expect(times).toEqual([0, 10, 20, 30, 40]);
  expect(lines[0]?.values).toEqual([1, 2, 3, null, 4]);
  expect(lines[0]?.lows).toEqual([0, 1, 2, null, 3]);
  expect(lines[1]?.values).toEqual([1, 1, 1, 1, 1]);
});

test("a long silence breaks the line also where no gap was told, one missing point does not", () => {
  const { lines } = columnsOf([line("a", [0, 10, 20, 40, 50, 100], [1, 1, 1, 1, 1, 1])], [], 0, 100);
  expect(lines[0]?.values).toEqual([1, 1, 1, 1, 1, null, 1]);
});

test("the gap of one device does not break the line of all together", () => {
  const { lines } = columnsOf([line("all", [0, 10, 30, 40], [1, 1, 1, 1])], [{ line: 0, of: "till-7", from: 10, to: 30, reason: "off" }], 0, 40);
  expect(lines[0]?.values).toEqual([1, 1, 1, 1]);
});

test("a loss about points that are there breaks nothing", () => {
  const { lines } = columnsOf([line("a", [0, 10, 20, 30], [1, 1, 1, 1])], [{ line: 0, from: 2, to: 28, reason: "lost" }], 0, 30);
  expect(lines[0]?.values).toEqual([1, 1, 1, 1]);
});

test("the axis reaches from one end to the other, also without points", () => {
  expect(columnsOf([line("a", [], [])], [], 5, 9)).toEqual({ times: [5, 9], lines: [{ values: [undefined, undefined], lows: [undefined, undefined], highs: [undefined, undefined] }] });
});

test("under the cursor is the point itself or its neighbour on the line, and nothing in a gap", () => {
  const cells = [undefined, 1, undefined, 2, null, undefined, 3, undefined];
  expect(cells.map((_, index) => pointAt(cells, index))).toEqual([undefined, 1, 1, 3, undefined, undefined, 6, undefined]);
});

test("points without neighbours are dots", () => {
  expect(lonely([undefined, 1, null, 2, undefined, 3, null, undefined, 4, undefined])).toEqual([1, 8]);
  expect(lonely([1, 2])).toEqual([]);
  expect(lonely([null, undefined, null])).toEqual([]);
});

test("a line that ended before the view does says when", () => {
  expect(endedAt(line("a", [0, 10, 20], [1, 1, 1]), 40)).toBeUndefined();
  expect(endedAt(line("a", [0, 10, 20], [1, 1, 1]), 46)).toBe(20);
  expect(endedAt(line("a", [0], [1]), 400_000)).toBe(0);
  expect(endedAt({ ...line("a", [0], [1]), step: 3_600_000 }, 400_000)).toBeUndefined();
  expect(endedAt(line("a", [], []), 400_000)).toBeUndefined();
});

test("peaks count: the reach is that of the band", () => {
  expect(reach([line("a", [0], [5]), line("b", [0], [9])])).toEqual({ low: 4, high: 10 });
  expect(reach([line("a", [], [])])).toBeUndefined();
});
