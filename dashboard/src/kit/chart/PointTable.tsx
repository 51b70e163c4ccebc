import { useMemo } from "preact/hooks";
import { type Column, Table } from "../Table";
import { absolute, span } from "../time";
import type { Columns, Line, Stretch } from "./columns";
import type { Format } from "./format";

interface PointTableProps {
  title: string;
  lines: readonly Line[];
  columns: Columns;
  stretches: readonly Stretch[];
  format: Format;
}

/** The points of the picture, newest first, and its gaps. */
export function PointTable({ title, lines, columns, stretches, format }: PointTableProps) {
  const rows = useMemo(() => rowsOf(columns), [columns]);
  const heads = useMemo(() => headsOf(lines, columns, format), [lines, columns, format]);
  return (
    <>
      <Table label={`${title}, as a table`} columns={heads} rows={rows} rowKey={(row) => String(row)} />
      {stretches.length > 0 && (
        <>
          <h3>Gaps</h3>
          <Table label={`Gaps of ${title}`} columns={gapHeads(lines)} rows={stretches} rowKey={({ line, of, from, reason }) => `${line} ${of} ${from} ${reason}`} />
        </>
      )}
    </>
  );
}

/** The places at which any line has a point. */
function rowsOf({ times, lines }: Columns): number[] {
  return times.flatMap((_, index) => (lines.some(({ values }) => typeof values[index] === "number") ? index : [])).reverse();
}

function headsOf(lines: readonly Line[], columns: Columns, format: Format): Column<number>[] {
  const text = (cell: number | null | undefined) => (typeof cell === "number" ? format.text(cell) : "–");
  return [
    { name: "Time", cell: (row) => absolute(columns.times[row] ?? 0) },
    ...lines.flatMap(({ name }, place): Column<number>[] => {
      const of = columns.lines[place];
      const value: Column<number> = { name, number: true, cell: (row) => text(of?.values[row]) };
      if (!of?.lows || !of.highs) return [value];
      return [value, { name: `${name}, lowest`, number: true, cell: (row) => text(of.lows?.[row]) }, { name: `${name}, highest`, number: true, cell: (row) => text(of.highs?.[row]) }];
    }),
  ];
}

function gapHeads(lines: readonly Line[]): Column<Stretch>[] {
  return [
    { name: "From", cell: ({ from }) => absolute(from) },
    { name: "To", cell: ({ to }) => absolute(to) },
    { name: "Length", number: true, cell: ({ from, to }) => span(to - from) },
    { name: "Of", cell: ({ line, of }) => of ?? (line === undefined ? "" : lines[line]?.name) },
    { name: "Why", cell: ({ reason }) => reason, grows: true },
  ];
}
