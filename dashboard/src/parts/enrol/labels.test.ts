import { expect, test } from "vitest";
import { labelsText, typedLabels } from "./labels";

test("labels stand on a line of their own or behind commas", () => {
  expect(typedLabels("")).toEqual({ labels: {} });
  expect(typedLabels(" tier=pos, floor = 2\nowner=\n\n")).toEqual({ labels: { tier: "pos", floor: "2", owner: "" } });
});

test("what is typed and what is told are the same", () => {
  const labels = { tier: "pos", "app/version": "2.1" };
  expect(labelsText(labels)).toBe("app/version=2.1, tier=pos");
  expect(typedLabels(labelsText(labels))).toEqual({ labels });
});

test.each([
  ["tier", "has no value"],
  ["a=b=c", "more than one"],
  ["=pos", "is not a valid key"],
  ["-tier=pos", "is not a valid key"],
  [`${"k".repeat(64)}=1`, "is not a valid key"],
  ["tier=two words", "is not a valid value"],
  ["tier=pos, tier=bar", "is given twice"],
  [Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(","), "33 labels"],
])("%s is refused with a reason", (text, reason) => {
  expect(typedLabels(text)).toEqual({ fault: expect.stringContaining(reason) as string });
});

test("a key that objects have by birth is a key like any other", () => {
  expect(typedLabels("constructor=1")).toEqual({ labels: { constructor: "1" } });
});
