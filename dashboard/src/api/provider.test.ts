import { expect, test } from "vitest";
import { failureWords, landing } from "./provider";

test("only the address to which the server sends back says that a sign-in is over", () => {
  expect(landing("#/signed-in")).toEqual({ isWindow: false, failed: "" });
  expect(landing("#/signed-in?window=1&failed=NO_ROLE")).toEqual({ isWindow: true, failed: "NO_ROLE" });
  for (const other of ["", "#/", "#/signed-in/x", "#/sign-in?code=x", "#/devices?signed-in"]) expect(landing(other)).toBeUndefined();
});

test("no text of an address is shown as the reason of a failure", () => {
  expect(failureWords("Call 555 0100 to unlock")).toBe("The sign-in failed. Try again.");
  expect(failureWords("constructor")).toBe("The sign-in failed. Try again.");
  expect(failureWords("NO_ROLE")).toContain("none of your groups");
});
