import { expect, test } from "vitest";
import { expiryOf } from "./expiry";

const DAY_MS = 86_400_000;

test("what expires is told a month before, and once it has", () => {
  const now = 100 * DAY_MS;
  expect([now - 1, now, now + 1, now + 30 * DAY_MS, now + 30 * DAY_MS + 1, undefined].map((at) => expiryOf(at, now))).toEqual(["expired", "expired", "soon", "soon", "later", "later"]);
});
