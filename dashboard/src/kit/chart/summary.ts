/** What a chart shows, in words, for those who can't see it. */
import { absolute } from "../time";
import { type Line, reach, type Stretch } from "./columns";
import type { Format } from "./format";

export function summary(title: string, lines: readonly Line[], stretches: readonly Stretch[], { from, to, format }: { from: number; to: number; format: Format }): string {
  const told = lines.map((line) => {
    const ends = reach([line]);
    const last = line.values.at(-1);
    if (!ends || last === undefined) return `${line.name}: nothing measured.`;
    return `${line.name}: from ${format.text(ends.low)} to ${format.text(ends.high)}, newest ${format.text(last)}.`;
  });
  const gaps = stretches.length === 0 ? "" : ` ${stretches.length} ${stretches.length === 1 ? "gap" : "gaps"}.`;
  return `Chart of ${title}, ${absolute(from, "minutes")} to ${absolute(to, "minutes")}. ${told.join(" ")}${gaps} The table below has the points.`;
}
