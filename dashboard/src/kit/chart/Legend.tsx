import type { Signal } from "@preact/signals";
import { absolute } from "../time";
import { type Columns, endedAt, type Line, pointAt, type Stretch } from "./columns";
import type { Format } from "./format";
import { lookOf } from "./theme";

interface LegendProps {
  lines: readonly Line[];
  columns: Columns;
  stretches: readonly Stretch[];
  format: Format;
  cursor: Signal<number | undefined>;
  hidden: ReadonlySet<string>;
  toggle: (name: string) => void;
}

/** The lines with their values under the cursor; without a cursor, their newest ones. Each can be switched off. */
export function Legend({ lines, columns, stretches, format, cursor, hidden, toggle }: LegendProps) {
  const index = cursor.value;
  const time = index === undefined ? undefined : columns.times[index];
  return (
    <div class="chart-legend">
      <span class="quiet small chart-when">{time === undefined ? "Newest in view" : absolute(time)}</span>
      <ul>
        {lines.map((line, place) => (
          <li key={line.name}>
            <button type="button" aria-pressed={!hidden.has(line.name)} title={hidden.has(line.name) ? "Show this line" : "Hide this line"} onClick={() => toggle(line.name)}>
              <Swatch index={place} />
              <span class="chart-name">{line.name}</span>
              {line.note && <span class="quiet">{line.note}</span>}
              <strong>{valueText(columns.lines[place], index, format)}</strong>
              {index === undefined && <Ended line={line} to={columns.times.at(-1) ?? 0} />}
            </button>
          </li>
        ))}
      </ul>
      {time !== undefined && <Reasons stretches={stretches} lines={lines} time={time} />}
    </div>
  );
}

/** A value that nothing came after is not how things are now. */
function Ended({ line, to }: { line: Line; to: number }) {
  const at = endedAt(line, to);
  return at === undefined ? null : <span class="quiet">as of {absolute(at, "minutes")}</span>;
}

function Swatch({ index }: { index: number }) {
  const { colour, dash } = lookOf(index);
  return (
    <svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">
      <line x1="0" y1="4" x2="26" y2="4" stroke={`var(--series-${colour + 1})`} stroke-width="2.5" stroke-dasharray={dash.join(" ") || undefined} />
    </svg>
  );
}

function valueText(line: Columns["lines"][number] | undefined, index: number | undefined, format: Format): string {
  if (!line) return "–";
  const last = line.values.findLastIndex((cell) => typeof cell === "number");
  const at = index === undefined ? last : pointAt(line.values, index);
  const value = at === undefined ? undefined : line.values[at];
  if (at === undefined || typeof value !== "number") return "–";
  const [low, high] = [line.lows?.[at], line.highs?.[at]];
  if (typeof low !== "number" || typeof high !== "number") return format.text(value);
  const [told, from, to] = [value, low, high].map(format.text);
  return from === to ? (told ?? "") : `${told} (${from} to ${to})`;
}

const REASONS = 3;

/** Why nothing is there at that time. */
function Reasons({ stretches, lines, time }: { stretches: readonly Stretch[]; lines: readonly Line[]; time: number }) {
  const here = stretches.filter(({ from, to }) => from <= time && time <= to);
  if (here.length === 0) return null;
  const told = here.slice(0, REASONS).map((stretch) => {
    const whose = stretch.of ?? (lines.length > 1 && stretch.line !== undefined ? lines[stretch.line]?.name : undefined);
    return whose ? `${whose}: ${stretch.reason}` : stretch.reason;
  });
  const rest = here.length - told.length;
  return <p class="small chart-reason">Missing here: {told.join("; ")}{rest > 0 ? `; and ${rest} more` : ""}.</p>;
}
