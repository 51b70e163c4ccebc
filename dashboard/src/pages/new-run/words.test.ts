import { expect, test } from "vitest";
import { phrase } from "./words";

test("what has to be typed grows with what it may do", () => {
  expect(phrase(1, "PING", false, "till-7")).toBe("");
  expect(phrase(1, "REBOOT", true, "till-7")).toBe("till-7");
  expect(phrase(24, "PING", false, "till-7")).toBe("24");
  expect(phrase(24, "REBOOT", true, "till-7")).toBe("REBOOT 24");
});
