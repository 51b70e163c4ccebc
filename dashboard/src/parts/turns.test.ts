import { expect, test } from "vitest";
import { turns } from "./turns";

test("no more than so many are under way, all get their turn, and a failure frees its place", async () => {
  const turn = turns(2);
  let running = 0;
  let most = 0;
  const call = (fails: boolean) =>
    turn(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((done) => setTimeout(done, 1));
      running -= 1;
      if (fails) throw new Error("no");
      return "yes";
    }).catch(() => "no");
  expect(await Promise.all([false, true, true, false, false].map(call))).toEqual(["yes", "no", "no", "yes", "yes"]);
  expect(most).toBe(2);
});
