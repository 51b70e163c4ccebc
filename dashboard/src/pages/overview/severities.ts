/** Errors counted by how bad they are. */
import type { ErrorSum } from "~/gen/homepot/analytics/v1/analytics_pb";
import type { Tone } from "~/kit/Badge";

export interface SeverityCount {
  /** As it stands in the address of the page "Errors". */
  name: string;
  word: string;
  tone: Tone;
  errors: number;
}

const KNOWN: readonly (readonly [string, string, Tone])[] = [
  ["CRITICAL", "Critical", "bad"],
  ["ERROR", "Errors", "bad"],
  ["WARNING", "Warnings", "warn"],
  ["INFO", "Info", "plain"],
];

/** Each severity once, the worst first, also where there is none; one that is not known yet comes last, as it is called. */
export function bySeverity(sums: readonly ErrorSum[]): SeverityCount[] {
  const counts = new Map(sums.map((sum) => [sum.key.replace(/^SEVERITY_/i, "").toUpperCase(), Number(sum.count)]));
  const known = KNOWN.map(([name, word, tone]) => {
    const errors = counts.get(name) ?? 0;
    counts.delete(name);
    return { name, word, tone: errors > 0 ? tone : ("plain" as const), errors };
  });
  const others = [...counts].map(([name, errors]) => ({ name, word: name || "Not given", tone: "plain" as const, errors }));
  return [...known, ...others];
}
