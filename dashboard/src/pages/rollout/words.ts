/** The state of a rollout in words, with what can be done about it. */
import { type Rollout, RolloutState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { durationMs, span } from "~/kit/time";
import { devicesWord, figure } from "~/parts/run/progress";

export function standing(rollout: Rollout): string {
  const { inFlight = 0, held = 0, waiting = 0 } = rollout.progress ?? {};
  switch (rollout.state) {
    case RolloutState.RUNNING:
      return `Phase ${rollout.phase} of ${rollout.phases.length}: ${devicesWord(waiting)} still waiting, ${figure(inFlight)} in flight${held > 0 ? `, ${figure(held)} of them held back until they may apply it` : ""}. ${soakWords(rollout)}`.trim();
    case RolloutState.AWAITING_APPROVAL:
      return `No device begins before somebody other than ${rollout.createdBy} approves it: ${rollout.approvalSiteIds.join(", ")} ${rollout.approvalSiteIds.length === 1 ? "asks" : "ask"} for that.`;
    case RolloutState.PAUSED:
      return `No further device begins until it is resumed. ${stillOut(inFlight)}`.trim();
    case RolloutState.HALTED:
      return `It halted by itself: ${reasonWords(rollout)}. No further device begins until it is resumed. ${stillOut(inFlight)}`.trim();
    case RolloutState.COMPLETED:
      return "Every device has an outcome.";
    case RolloutState.ABORTED:
      return `It was aborted: no further device begins. ${inFlight === 0 ? "" : `${devicesWord(inFlight)} had begun or could not be asked yet; what came of it appears below.`}`.trim();
    default:
      return "";
  }
}

function reasonWords({ reason, progress }: Rollout): string {
  return reason || `${devicesWord(progress?.failed ?? 0)} failed`;
}

/** Why it may be quiet for a while: a phase lasts on after its last device. */
function soakWords({ phase, phases, soak }: Rollout): string {
  const length = durationMs(soak) ?? 0;
  return length > 0 && phase < phases.length ? `The next phase begins ${span(length)} after the last device of this one is done.` : "";
}

function stillOut(inFlight: number): string {
  return inFlight === 0 ? "" : `Devices that have begun go on: ${devicesWord(inFlight)}.`;
}

/** What an abort does to the devices that have no outcome yet. */
export function abortWords({ progress }: Rollout): string {
  const { waiting = 0, inFlight = 0 } = progress ?? {};
  return [
    waiting > 0 && `${devicesWord(waiting)} still waiting will not begin.`,
    inFlight > 0 && `${devicesWord(inFlight)} in flight: those that have not begun to apply the release are told not to; those that have go on until they are confirmed or have put back what they had.`,
    "Devices that have the release keep it. An aborted rollout can't be resumed.",
  ]
    .filter(Boolean)
    .join(" ");
}

/** What counts against a rollout that is resumed. */
export function resumeWords({ progress }: Rollout): string {
  const { waiting = 0, failed = 0 } = progress ?? {};
  return [`${devicesWord(waiting)} still waiting.`, failed > 0 && `${devicesWord(failed)} failed so far, which no longer ${failed === 1 ? "counts" : "count"} against it.`].filter(Boolean).join(" ");
}
