import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { CommandSchema, CommandState, RunDeviceSchema, RunSchema, RunState } from "~/gen/homepot/command/v1/command_pb";
import { withNews } from "./merge";
import { isListed, LISTED, outcomesOf } from "./outcomes";
import { standing } from "./words";

const run = (part: MessageInitShape<typeof RunSchema>) => create(RunSchema, { maxInFlight: 10, ...part });
const device = (deviceId: string, state: CommandState) => create(RunDeviceSchema, { deviceId, state });
const heard = (deviceId: string, state: CommandState) => new Map([[deviceId, create(CommandSchema, { deviceId, commandId: "c", state, reason: "why" })]]);

test("a halted run tells how many failed, how many it allows and what goes on", () => {
  const words = standing(run({ state: RunState.HALTED, maxFailures: 2, progress: { failed: 3, inFlight: 1 } }));
  expect(words).toContain("3 devices failed, and it allows 2.");
  expect(words).toContain("already continue: 1 device");
  expect(standing(run({ state: RunState.HALTED, maxFailures: 0, progress: { failed: 1 } }))).toContain("1 device failed, and it allows none.");
});

test("devices are kept current by the news of their commands", () => {
  const [row] = withNews([device("a", CommandState.UNSPECIFIED)], heard("a", CommandState.RUNNING), outcomesOf([]));
  expect(row).toMatchObject({ state: CommandState.RUNNING, commandId: "c", reason: "why" });
});

test("what was read later than it was heard stays; a late outcome replaces an unknown one", () => {
  expect(withNews([device("a", CommandState.SUCCEEDED)], heard("a", CommandState.SENT), outcomesOf([]))[0]?.state).toBe(CommandState.SUCCEEDED);
  expect(withNews([device("a", CommandState.UNKNOWN)], heard("a", CommandState.SUCCEEDED), outcomesOf([]))[0]?.state).toBe(CommandState.SUCCEEDED);
});

test("a device that left the filtered state leaves the list", () => {
  expect(withNews([device("a", CommandState.RUNNING)], heard("a", CommandState.FAILED), outcomesOf(["RUNNING"]))).toEqual([]);
});

test("a device that got its command leaves the list of those that wait", () => {
  expect(withNews([device("a", CommandState.UNSPECIFIED)], heard("a", CommandState.QUEUED), outcomesOf(["waiting"]))).toEqual([]);
});

test("each device is in the list of one number of the progress, and in that of all", () => {
  const devices = [...Object.values(CommandState).filter((state) => typeof state === "number")].map((state) => ({ state, skipped: false }));
  const lists = [...Object.values(LISTED)].map((word) => outcomesOf([word]));
  for (const one of [...devices, { state: CommandState.UNSPECIFIED, skipped: true }]) {
    expect([one, lists.filter((list) => isListed(one, list)).length]).toEqual([one, 1]);
    expect(isListed(one, outcomesOf([]))).toBe(true);
  }
});
