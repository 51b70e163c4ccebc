import { expect, test } from "vitest";
import { labelsText, typedLabels } from "./labels";

test("labels survive being written and read", () => {
  const labels = { ring: "canary", "shop/till": "7", spare: "" };
  expect(typedLabels(labelsText(labels))).toEqual({ labels });
  expect(typedLabels(" \n ring = canary \n")).toEqual({ labels: { ring: "canary" } });
  expect(typedLabels("")).toEqual({ labels: {} });
});

test.each([
  ["ring", /Line 1 has no/],
  ["a=1\n-b=2", /Line 2: “-b” is not a valid key/],
  ["a=two words", /is not a valid value/],
  ["a=1\na=2", /Line 2: the key “a” is given twice/],
  [Array.from({ length: 33 }, (_, index) => `k${index}=`).join("\n"), /32 labels/],
])("%j is refused with its line", (text, fault) => {
  expect(typedLabels(text)).toMatchObject({ fault: expect.stringMatching(fault) as string });
});
