import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RolloutProgressSchema, RolloutState, UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { leftOf, partsOf, phasesOf, progressWords } from "./progress";
import { LISTED, STATE_CHOICES, statesOf } from "./states";

const progress = create(RolloutProgressSchema, { total: 24, waiting: 2, inFlight: 1, confirmed: 15, failed: 3, cancelled: 1, skipped: 2 });
const PHASES = ["1", "5%", "25%", "100%"];

test("the parts of a rollout's bar are all of its devices", () => {
  expect(partsOf(progress).reduce((sum, { count }) => sum + count, 0)).toBe(24);
  expect(progressWords(progress)).toBe("15 confirmed, 3 failed, 1 in flight, 2 waiting, 1 cancelled, 2 skipped of 24");
  expect(leftOf({ progress })).toBe(3);
});

test("each state of a device is in the list of one number of the progress", () => {
  const states = Object.values(UpdateState).filter((state): state is UpdateState => typeof state === "number" && state !== UpdateState.UNSPECIFIED);
  const listed = Object.values(LISTED).flatMap((word) => statesOf([word]));
  expect([...listed].sort((one, other) => one - other)).toEqual(states);
});

test("each choice of the filter names states, the first one any; what is no state is passed over", () => {
  expect(STATE_CHOICES.filter(({ value }) => statesOf([value]).length === 0).map(({ value }) => value)).toEqual([""]);
  expect(statesOf(["FAILED", "nonsense", "bad"])).toEqual(statesOf(["bad"]));
});

test("phases are done, under way or to come; of a completed rollout all are done", () => {
  const running = phasesOf({ phase: 2, phases: PHASES, state: RolloutState.RUNNING });
  expect(running.map(({ where }) => where)).toEqual(["done", "now", "to come", "to come"]);
  expect(running.map(({ reach }) => reach)).toEqual(["the first device", "5 % of the devices", "25 % of the devices", "all devices"]);
  expect(new Set(phasesOf({ phase: 4, phases: PHASES, state: RolloutState.COMPLETED }).map(({ where }) => where))).toEqual(new Set(["done"]));
  expect(phasesOf({ phase: 1, phases: ["100%"], state: RolloutState.ABORTED })[0]?.where).toBe("now");
});
