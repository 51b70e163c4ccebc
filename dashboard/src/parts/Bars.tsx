import { useState } from "preact/hooks";
import { type Column, Table } from "~/kit";
import { absolute } from "~/kit/time";
import { axisEnd, type Bar, barMarks } from "./buckets";
import { whole } from "./fleet/counts";
import "./bars.css";

export interface BarKind {
  name: string;
  /** A colour of style/tokens.css, such as `bad`. */
  colour: string;
}

interface BarsProps {
  /** What it shows, such as "Errors by severity". */
  title: string;
  kinds: readonly BarKind[];
  bars: readonly Bar[];
  step: number;
  zone: string;
}

const MARKS = 8;
const MARKS_NARROW = 4;

const total = ({ counts }: Bar) => counts.reduce((sum, one) => sum + one, 0);

/** How many there were over time, a bar a stretch, its kinds on top of one another; the same as a table beneath. */
export function Bars({ title, kinds, bars, step, zone }: BarsProps) {
  const [isTable, setTable] = useState(false);
  const end = axisEnd(bars);
  const all = bars.reduce((sum, bar) => sum + total(bar), 0);
  const marks = barMarks(bars, step, zone, matchMedia("(width < 40rem)").matches ? MARKS_NARROW : MARKS);
  return (
    <figure class="bars">
      <div class="bars-picture" role="img" aria-label={`${title}: ${whole(all)} in all, at most ${whole(Math.max(0, ...bars.map(total)))} in one bar. The table below has each bar.`}>
        <span class="bars-end quiet small">{whole(end)}</span>
        <div class="bars-row">
          {bars.map((bar) => (
            <Stack key={bar.from} bar={bar} kinds={kinds} end={end} />
          ))}
        </div>
        <div class="bars-marks quiet small">
          {marks.map(({ at, text }) => (
            <span key={at} style={{ insetInlineStart: `${at}%` }}>
              {text}
            </span>
          ))}
        </div>
      </div>
      <figcaption class="row spread">
        <Key kinds={kinds} />
        <button type="button" class="button" data-kind="quiet" aria-expanded={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </figcaption>
      {isTable && <Table label={`${title}, as a table`} columns={columnsOf(kinds)} rows={bars.filter((bar) => total(bar) > 0).reverse()} rowKey={({ from }) => String(from)} />}
    </figure>
  );
}

function Stack({ bar, kinds, end }: { bar: Bar; kinds: readonly BarKind[]; end: number }) {
  const told = kinds.flatMap(({ name }, kind) => (bar.counts[kind] ? `${name}: ${whole(bar.counts[kind])}` : []));
  return (
    <div class="bars-stack" title={`${absolute(bar.from, "minutes")} to ${absolute(bar.to, "minutes")}\n${told.join("\n") || "none"}`}>
      {kinds.map(({ name, colour }, kind) =>
        bar.counts[kind] ? <div key={name} style={{ height: `${(bar.counts[kind] / end) * 100}%`, background: `var(--${colour})` }} /> : null,
      )}
    </div>
  );
}

function Key({ kinds }: { kinds: readonly BarKind[] }) {
  return (
    <ul class="bars-key small">
      {kinds.map(({ name, colour }) => (
        <li key={name}>
          <span style={{ background: `var(--${colour})` }} aria-hidden="true" />
          {name}
        </li>
      ))}
    </ul>
  );
}

function columnsOf(kinds: readonly BarKind[]): Column<Bar>[] {
  return [
    { name: "From", cell: ({ from }) => absolute(from, "minutes") },
    { name: "To", cell: ({ to }) => absolute(to, "minutes"), grows: true },
    ...kinds.map(({ name }, kind): Column<Bar> => ({ name, number: true, cell: ({ counts }) => whole(counts[kind] ?? 0) })),
  ];
}
