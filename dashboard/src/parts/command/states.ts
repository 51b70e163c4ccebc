/** Filters of commands by where they stand, as they stand in the address: `state=open`, or one or more single states. */
import { CommandState } from "~/gen/homepot/command/v1/command_pb";
import { COMMAND_STATE, ENDED_STATES } from "~/kit/Status";

const SINGLE = [
  CommandState.QUEUED,
  CommandState.SENT,
  CommandState.ACKNOWLEDGED,
  CommandState.RUNNING,
  CommandState.SUCCEEDED,
  CommandState.FAILED,
  CommandState.REJECTED,
  CommandState.EXPIRED,
  CommandState.CANCELLED,
  CommandState.UNKNOWN,
] as const;

/** Under way: queued, and no end yet. */
export const OPEN: readonly CommandState[] = SINGLE.filter((state) => !ENDED_STATES.includes(state));
/** What counts as a failure of a run. */
export const BAD: readonly CommandState[] = [CommandState.FAILED, CommandState.REJECTED, CommandState.EXPIRED, CommandState.UNKNOWN];

const GROUPS: Readonly<Record<string, readonly CommandState[]>> = { open: OPEN, ended: ENDED_STATES, bad: BAD };

/** The states that the address names; empty: any. What is no state is passed over. */
export function statesOf(words: readonly string[]): CommandState[] {
  const found = words.flatMap((word) => GROUPS[word] ?? SINGLE.filter((state) => CommandState[state] === word));
  return [...new Set(found)].sort((one, other) => one - other);
}

export const STATE_CHOICES: readonly { value: string; label: string }[] = [
  { value: "", label: "Any state" },
  { value: "open", label: "Under way" },
  { value: "ended", label: "Ended" },
  { value: "bad", label: "Ended without success" },
  ...SINGLE.map((state) => ({ value: CommandState[state], label: COMMAND_STATE[state].word })),
];

/** The choices with one for what a link named, where that is several at once. */
export function stateChoices(words: readonly string[]): { value: string; choices: readonly { value: string; label: string }[] } {
  if (words.length < 2) return { value: words[0] ?? "", choices: STATE_CHOICES };
  const value = words.join(" ");
  return { value, choices: [...STATE_CHOICES, { value, label: statesOf(words).map((state) => COMMAND_STATE[state].word).join(", ") }] };
}
