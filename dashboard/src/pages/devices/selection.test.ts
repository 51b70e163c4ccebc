import { expect, test } from "vitest";
import { pruned, takenOutWords } from "./selection";

const set = (...ids: string[]) => new Set(ids);
const shown = { filterBefore: "a", filterNow: "a", rows: set("1", "2"), gone: set(), hasMore: false };

test("what is shown stays selected", () => {
  const selected = set("1", "2");
  expect(pruned(selected, shown)).toBe(selected);
});

test("what another filter hides is taken out, read or not", () => {
  expect(pruned(set("1", "9"), { ...shown, filterNow: "b", hasMore: true })).toEqual(set("1"));
});

test("under the same filter, rows that are not read yet stay", () => {
  expect(pruned(set("1", "9"), { ...shown, hasMore: true })).toEqual(set("1", "9"));
});

test("what ceased to match is taken out, and so is what a whole list has not", () => {
  expect(pruned(set("1", "9"), { ...shown, gone: set("9"), hasMore: true })).toEqual(set("1"));
  expect(pruned(set("1", "9"), shown)).toEqual(set("1"));
});

test("that it was taken out is said", () => {
  expect(takenOutWords(1)).toMatch(/^1 device was/);
  expect(takenOutWords(1_200)).toMatch(/^1,200 devices were/);
});
