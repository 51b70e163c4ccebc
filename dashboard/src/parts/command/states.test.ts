import { expect, test } from "vitest";
import { CommandState } from "~/gen/homepot/command/v1/command_pb";
import { BAD, OPEN, stateChoices, statesOf } from "./states";

test("a state of the address is one, several, or a word for some", () => {
  expect(statesOf([])).toEqual([]);
  expect(statesOf(["FAILED", "nonsense"])).toEqual([CommandState.FAILED]);
  expect(statesOf(["open"])).toEqual(OPEN);
  expect(statesOf(["bad", "FAILED"])).toEqual([...BAD].sort((one, other) => one - other));
});

test("under way and what counts as a failure have nothing in common", () => {
  expect(OPEN.filter((state) => BAD.includes(state))).toEqual([]);
});

test("several states of a link are one choice more", () => {
  expect(stateChoices(["open"]).value).toBe("open");
  const several = stateChoices(["FAILED", "EXPIRED"]);
  expect(several.choices.at(-1)).toEqual({ value: several.value, label: "Failed, Expired" });
});
