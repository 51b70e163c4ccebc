/** Which devices of a run are listed, as it stands in the address: `state=open`, single states, `waiting` or `skipped`. */
import { CommandState, type RunDevice } from "~/gen/homepot/command/v1/command_pb";
import type { Share } from "~/parts/run/progress";
import { stateChoices, statesOf } from "~/parts/command/states";

/** Devices that match any of the three; with none of them given, all. */
export interface Outcomes {
  states: CommandState[];
  waiting: boolean;
  skipped: boolean;
}

/** The list of exactly so many, for each number of the progress. */
export const LISTED: Readonly<Record<Share, string>> = { succeeded: "SUCCEEDED", failed: "bad", inFlight: "open", cancelled: "CANCELLED", waiting: "waiting", skipped: "skipped" };

export function outcomesOf(words: readonly string[]): Outcomes {
  return { states: statesOf(words), waiting: words.includes("waiting"), skipped: words.includes("skipped") };
}

export function isNarrowed({ states, waiting, skipped }: Outcomes): boolean {
  return states.length > 0 || waiting || skipped;
}

export function isListed({ state, skipped }: Pick<RunDevice, "state" | "skipped">, outcomes: Outcomes): boolean {
  if (!isNarrowed(outcomes)) return true;
  if (skipped) return outcomes.skipped;
  return state === CommandState.UNSPECIFIED ? outcomes.waiting : outcomes.states.includes(state);
}

export function outcomeChoices(words: readonly string[]): { value: string; choices: readonly { value: string; label: string }[] } {
  const { value, choices } = stateChoices(words);
  return { value, choices: [...choices, { value: "waiting", label: "Waiting" }, { value: "skipped", label: "Skipped" }] };
}
