/** How far a rollout is, as parts of a bar and in words. */
import { type Rollout, type RolloutProgress, RolloutState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { type Part, partsWords, type Share } from "~/parts/run/progress";

/** Each number of the progress, the pattern that it is drawn with, and its word. */
const SHARES: readonly (readonly [Exclude<keyof RolloutProgress, `$${string}`>, Share, string])[] = [
  ["confirmed", "succeeded", "confirmed"],
  ["failed", "failed", "failed"],
  ["inFlight", "inFlight", "in flight"],
  ["waiting", "waiting", "waiting"],
  ["cancelled", "cancelled", "cancelled"],
  ["skipped", "skipped", "skipped"],
];

/** All parts, in the order of the bar; together they are `total`. */
export function partsOf(progress: RolloutProgress | undefined): Part[] {
  return SHARES.map(([field, share, word]) => ({ share, word, count: progress?.[field] ?? 0 }));
}

/** Such as `20 confirmed, 4 waiting of 24`. */
export function progressWords(progress: RolloutProgress | undefined): string {
  return partsWords(partsOf(progress), progress?.total ?? 0);
}

/** Devices that an abort would still reach, or whose outcome is still to come. */
export function leftOf({ progress }: Pick<Rollout, "progress">): number {
  return (progress?.waiting ?? 0) + (progress?.inFlight ?? 0);
}

export function hasEnded({ state }: Pick<Rollout, "state">): boolean {
  return state === RolloutState.COMPLETED || state === RolloutState.ABORTED;
}

/** Such as `2 of 4`. */
export function phaseWords({ phase, phases }: Pick<Rollout, "phase" | "phases">): string {
  return `${phase} of ${phases.length}`;
}

export interface PhaseShown {
  number: number;
  /** How far it brings the rollout, such as `the first device` or `5 % of the devices`. */
  reach: string;
  where: "done" | "now" | "to come";
}

/** Every phase and whether the rollout is through with it. */
export function phasesOf({ phase, phases, state }: Pick<Rollout, "phase" | "phases" | "state">): PhaseShown[] {
  return phases.map((reach, index) => {
    const number = index + 1;
    const isDone = number < phase || (number === phase && state === RolloutState.COMPLETED);
    return { number, reach: reachWords(reach, number === phases.length), where: isDone ? "done" : number === phase ? "now" : "to come" };
  });
}

/** What a phase brings the rollout to; the last one always has all that are left. */
export function reachWords(reach: string, isLast: boolean): string {
  if (isLast) return "all devices";
  if (reach.endsWith("%")) return `${reach.replace("%", " %")} of the devices`;
  return reach === "1" ? "the first device" : `the first ${reach} devices`;
}
