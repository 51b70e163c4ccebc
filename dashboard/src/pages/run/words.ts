/** Where a run stands, in words, with what can be done about it. */
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { devicesWord, figure } from "~/parts/run/progress";

export function standing(run: Run): string {
  const { failed = 0, inFlight = 0, waiting = 0 } = run.progress ?? {};
  switch (run.state) {
    case RunState.RUNNING:
      return `Commands are queued as earlier ones end: at most ${figure(run.maxInFlight)} at a time, ${devicesWord(waiting)} still waiting.`;
    case RunState.PAUSED:
      return `Nothing more is queued until it is resumed. ${stillOut(inFlight)}`;
    case RunState.HALTED:
      return `It halted by itself: ${devicesWord(failed)} failed, and it allows ${allowed(run.maxFailures)}. Nothing more is queued until it is resumed. ${stillOut(inFlight)}`;
    case RunState.COMPLETED:
      return "Every device has an outcome.";
    case RunState.CANCELLED:
      return inFlight > 0 ? `It was cancelled. ${stillOut(inFlight)}` : "It was cancelled.";
    default:
      return "";
  }
}

function stillOut(inFlight: number): string {
  return inFlight === 0 ? "" : `Commands that are queued already continue: ${devicesWord(inFlight)}.`;
}

function allowed(maxFailures: number): string {
  return maxFailures === 0 ? "none" : figure(maxFailures);
}

/** What a cancellation does to the devices that have no outcome yet. */
export function cancelWords(run: Run): string {
  const { waiting = 0, inFlight = 0 } = run.progress ?? {};
  return [
    waiting > 0 && `${devicesWord(waiting)} still waiting will be skipped.`,
    inFlight > 0 && `${devicesWord(inFlight)} in flight: commands that have not started are cancelled; commands that have started continue.`,
    "A cancelled run can't be resumed.",
  ]
    .filter(Boolean)
    .join(" ");
}
