/** Filters of a rollout's devices, as they stand in the address: `state=open`, or one or more single states. */
import { UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { UPDATE_STATE } from "~/kit/Status";
import type { Share } from "~/parts/run/progress";

const ALL = Object.keys(UPDATE_STATE)
  .map((state): UpdateState => Number(state))
  .filter((state) => state !== UpdateState.UNSPECIFIED);

/** The states that each number of the progress counts, by the number's share of the bar. */
const COUNTED: Readonly<Record<Share, readonly UpdateState[]>> = {
  succeeded: [UpdateState.CONFIRMED],
  failed: [UpdateState.REJECTED, UpdateState.FAILED, UpdateState.ROLLED_BACK, UpdateState.ROLLBACK_FAILED, UpdateState.UNREACHABLE],
  inFlight: [UpdateState.OFFERED, UpdateState.DOWNLOADING, UpdateState.VERIFIED, UpdateState.HELD, UpdateState.APPLYING, UpdateState.PROBATION],
  waiting: [UpdateState.WAITING],
  cancelled: [UpdateState.SUPERSEDED, UpdateState.CANCELLED],
  skipped: [UpdateState.SKIPPED],
};

const GROUPS: Readonly<Record<string, readonly UpdateState[]>> = { open: COUNTED.inFlight, bad: COUNTED.failed, stopped: COUNTED.cancelled };

/** The list of exactly so many, for each number of the progress. */
export const LISTED: Readonly<Record<Share, string>> = { succeeded: "CONFIRMED", failed: "bad", inFlight: "open", waiting: "WAITING", cancelled: "stopped", skipped: "SKIPPED" };

/** The states that the address names; empty: any. What is no state is passed over. */
export function statesOf(words: readonly string[]): UpdateState[] {
  const found = words.flatMap((word) => GROUPS[word] ?? ALL.filter((state) => UpdateState[state] === word));
  return [...new Set(found)].sort((one, other) => one - other);
}

export const STATE_CHOICES: readonly { value: string; label: string }[] = [
  { value: "", label: "Any state" },
  { value: "open", label: "In flight" },
  { value: "bad", label: "Failed, in any way" },
  { value: "stopped", label: "Cancelled, in any way" },
  ...ALL.map((state) => ({ value: UpdateState[state], label: UPDATE_STATE[state].word })),
];

/** What a state means for the device, in one sentence. */
export const MEANS: Readonly<Record<UpdateState, string>> = {
  [UpdateState.UNSPECIFIED]: "It was never told to install a release.",
  [UpdateState.WAITING]: "Its turn has not come.",
  [UpdateState.OFFERED]: "It was told, and has not answered: it may be offline.",
  [UpdateState.DOWNLOADING]: "It fetches the files.",
  [UpdateState.VERIFIED]: "It has all files, and asks before it goes on.",
  [UpdateState.HELD]: "It is ready, and waits: for a maintenance window, for its turn, or for something on the device.",
  [UpdateState.APPLYING]: "It puts the files in place.",
  [UpdateState.PROBATION]: "The files are in place, and have to prove themselves.",
  [UpdateState.CONFIRMED]: "It has the release, and its checks pass.",
  [UpdateState.REJECTED]: "It declined, and nothing was changed.",
  [UpdateState.FAILED]: "It could not, and nothing was changed.",
  [UpdateState.ROLLED_BACK]: "Its checks did not pass, and it has what it had before.",
  [UpdateState.ROLLBACK_FAILED]: "It could not put back what it had, and tries again. Somebody should look at it.",
  [UpdateState.SUPERSEDED]: "A later rollout took over.",
  [UpdateState.CANCELLED]: "The rollout was aborted before it began to apply the release.",
  [UpdateState.UNREACHABLE]: "Nothing was heard of it. What it says later replaces this.",
  [UpdateState.SKIPPED]: "It was left out.",
};
