import { expect, test } from "vitest";
import { distance } from "./inTurn";

test("what is in sight, also by a part of it, comes before what is below or above", () => {
  const at = (top: number) => distance({ top, bottom: top + 200 }, 800);
  expect([100, -150, 700].map(at)).toEqual([0, 0, 0]);
  expect([900, 1_200, -500].map(at)).toEqual([100, 400, 300]);
});
