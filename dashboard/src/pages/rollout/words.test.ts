import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { RolloutSchema, RolloutState } from "~/gen/homepot/rollout/v1/rollout_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { duration } = await import("~/parts/draft");
const { abortWords, resumeWords, standing } = await import("./words");

const rollout = (part: MessageInitShape<typeof RolloutSchema>) => create(RolloutSchema, { phase: 2, phases: ["1", "5%", "100%"], soak: duration(600_000), ...part });

test("a halted rollout says why, and what goes on", () => {
  const words = standing(rollout({ state: RolloutState.HALTED, reason: "1 devices failed, among so few that none may", progress: { failed: 1, inFlight: 2 } }));
  expect(words).toContain("halted by itself: 1 devices failed, among so few that none may.");
  expect(words).toContain("Devices that have begun go on: 2 devices.");
});

test("a running rollout says when the next phase begins, the last one does not", () => {
  expect(standing(rollout({ state: RolloutState.RUNNING }))).toContain("Phase 2 of 3");
  expect(standing(rollout({ state: RolloutState.RUNNING }))).toContain("begins 10 min after");
  expect(standing(rollout({ state: RolloutState.RUNNING, phase: 3 }))).not.toContain("next phase");
});

test("an abort tells of those that wait and of those under way, only where there are any", () => {
  expect(abortWords(rollout({ progress: { waiting: 3, inFlight: 1 } }))).toMatch(/^3 devices still waiting will not begin\. 1 device in flight:/);
  expect(abortWords(rollout({ progress: {} }))).toBe("Devices that have the release keep it. An aborted rollout can't be resumed.");
});

test("who resumes is told that failures no longer count", () => {
  expect(resumeWords(rollout({ progress: { waiting: 3, failed: 1 } }))).toBe("3 devices still waiting. 1 device failed so far, which no longer counts against it.");
  expect(resumeWords(rollout({ progress: { waiting: 3 } }))).toBe("3 devices still waiting.");
});

test("a rollout that awaits an approval says whose, and one with held devices says how many", () => {
  const words = standing(rollout({ state: RolloutState.AWAITING_APPROVAL, createdBy: "ada", approvalSiteIds: ["east", "west"] }));
  expect(words).toContain("other than ada approves it: east, west ask for that");
  expect(standing(rollout({ state: RolloutState.RUNNING, progress: { inFlight: 5, held: 3 } }))).toContain("5 in flight, 3 of them held back");
});
