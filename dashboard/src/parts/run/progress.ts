/** How far a run is, as parts of a bar and in words. */
import { type RunProgress, RunState, type Run } from "~/gen/homepot/command/v1/command_pb";

export type Share = "succeeded" | "failed" | "inFlight" | "waiting" | "cancelled" | "skipped";

export interface Part {
  share: Share;
  word: string;
  count: number;
}

const SHARES: readonly (readonly [Share, string])[] = [
  ["succeeded", "succeeded"],
  ["failed", "failed"],
  ["inFlight", "in flight"],
  ["waiting", "waiting"],
  ["cancelled", "cancelled"],
  ["skipped", "skipped"],
];

/** All parts, in the order of the bar; together they are `total`. */
export function partsOf(progress: RunProgress | undefined): Part[] {
  return SHARES.map(([share, word]) => ({ share, word, count: progress?.[share] ?? 0 }));
}

/** Such as `20 succeeded, 4 failed of 24`. */
export function progressWords(progress: RunProgress | undefined): string {
  return partsWords(partsOf(progress), progress?.total ?? 0);
}

export function partsWords(parts: readonly Part[], total: number): string {
  const told = parts.filter(({ count }) => count > 0);
  if (told.length === 0) return `${total} devices`;
  return `${told.map(({ count, word }) => `${figure(count)} ${word}`).join(", ")} of ${figure(total)}`;
}

/** The same for a list, beside the bar: such as `20 of 24 ended, 4 failed`. */
export function shortProgress({ total = 0, waiting = 0, inFlight = 0, failed = 0 }: Partial<Pick<RunProgress, "total" | "waiting" | "inFlight" | "failed">> = {}): string {
  const ended = `${figure(total - waiting - inFlight)} of ${figure(total)} ended`;
  return failed > 0 ? `${ended}, ${figure(failed)} failed` : ended;
}

/** Devices that a cancellation would still reach. */
export function leftOf(run: Run): number {
  return (run.progress?.waiting ?? 0) + (run.progress?.inFlight ?? 0);
}

export function hasEnded(run: Run): boolean {
  return run.state === RunState.COMPLETED || run.state === RunState.CANCELLED;
}

export function figure(count: number): string {
  return count.toLocaleString("en-GB");
}

export function devicesWord(count: number): string {
  return count === 1 ? "1 device" : `${figure(count)} devices`;
}
