/** How fast a rollout goes and when it halts, while it is typed. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StartRolloutRequestSchema } from "~/gen/homepot/rollout/v1/rollout_pb";
import { duration, spanMs } from "~/parts/draft";

export interface LimitsDraft {
  phases: string;
  soak: string;
  inFlight: string;
  perSite: string;
  failurePercent: string;
  silence: string;
  description: string;
}

export type LimitsFaults = Partial<Record<keyof LimitsDraft, string>>;
export type Limits = Pick<MessageInitShape<typeof StartRolloutRequestSchema>, "phases" | "soak" | "maxInFlight" | "maxInFlightPerSite" | "maxFailurePercent" | "silence" | "description">;

/** What the server takes where nothing is said, so that it stands there to be changed. */
export const USUAL: LimitsDraft = { phases: "1, 5%, 25%, 100%", soak: "10 min", inFlight: "100", perSite: "1", failurePercent: "5", silence: "1 h", description: "" };

const LONGEST_MS = 30 * 86_400_000;

/** The phases as they are typed, with commas between. */
export function phasesOf(text: string): string[] {
  return text
    .replace(/\s+%/g, "%")
    .split(/[\s,]+/)
    .filter(Boolean);
}

export function limitsFaults(draft: LimitsDraft): LimitsFaults {
  const faults: [keyof LimitsDraft, string | undefined][] = [
    ["phases", phasesFault(phasesOf(draft.phases))],
    ["soak", spanFault(draft.soak, 0)],
    ["inFlight", wholeFault(draft.inFlight, 1, 10_000)],
    ["perSite", wholeFault(draft.perSite, 1, 10_000)],
    ["failurePercent", wholeFault(draft.failurePercent, 0, 100)],
    ["silence", spanFault(draft.silence, 1_000)],
  ];
  return Object.fromEntries(faults.filter(([, fault]) => fault !== undefined));
}

/** What is sent; `undefined` while something of it is wrong. */
export function limitsOf(draft: LimitsDraft): Limits | undefined {
  if (Object.keys(limitsFaults(draft)).length > 0) return undefined;
  return {
    phases: phasesOf(draft.phases),
    soak: duration(spanMs(draft.soak) ?? 0),
    maxInFlight: Number(draft.inFlight),
    maxInFlightPerSite: Number(draft.perSite),
    maxFailurePercent: Number(draft.failurePercent),
    silence: duration(spanMs(draft.silence) ?? 0),
    description: draft.description.trim(),
  };
}

function phasesFault(phases: readonly string[]): string | undefined {
  const odd = phases.find((phase) => !/^[1-9]\d{0,7}$|^([1-9]\d?|100)%$/.test(phase));
  if (odd !== undefined) return `“${odd}” is no number of devices and no percentage from 1% to 100%.`;
  return phases.length > 16 ? `There can be at most 16 phases; these are ${phases.length}.` : undefined;
}

function wholeFault(text: string, minimum: number, maximum: number): string | undefined {
  const typed = text.trim();
  const isGood = /^\d{1,9}$/.test(typed) && Number(typed) >= minimum && Number(typed) <= maximum;
  return isGood ? undefined : `This must be a whole number from ${minimum} to ${maximum.toLocaleString("en-GB")}.`;
}

function spanFault(text: string, minimumMs: number): string | undefined {
  const length = spanMs(text);
  if (length === undefined) return "Write a number and s, min, h or d, such as 10 min.";
  return length >= minimumMs && length <= LONGEST_MS ? undefined : `This must be ${minimumMs / 1_000} s to 30 d.`;
}

const FIELD_OF: readonly (readonly [string, keyof LimitsDraft])[] = [
  ["phases", "phases"],
  ["soak", "soak"],
  ["max_in_flight_per_site", "perSite"],
  ["max_in_flight", "inFlight"],
  ["max_failure_percent", "failurePercent"],
  ["silence", "silence"],
  ["description", "description"],
];

/** What the server said of each limit, at the field of the form. */
export function serverLimitsFaults(fields: Readonly<Record<string, string>>): LimitsFaults {
  const found: LimitsFaults = {};
  for (const [name, description] of Object.entries(fields)) {
    const at = FIELD_OF.find(([field]) => name === field || name.startsWith(`${field}[`) || name.startsWith(`${field}.`))?.[1];
    if (at) found[at] = description;
  }
  return found;
}
