import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { show } from "~/app/route";
import { keepScroll } from "~/app/scroll";
import { Line } from "./table/Line";
import { useWidths } from "./table/widths";
import { useWindow } from "./table/window";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  /** Numbers stand at the end, so that their digits lie below one another. */
  number?: boolean;
  /** The one column that takes the room that is left; its text is cut off. */
  grows?: boolean;
  /** What the server sorts by; left out: this column is not sorted by. */
  sort?: string;
}

interface Selection {
  keys: ReadonlySet<string>;
  onChange: (keys: ReadonlySet<string>) => void;
}

interface TableProps<T> {
  /** What the rows are, for those who can't see the table. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** The view of one row; left out: rows lead nowhere. */
  rowHref?: (row: T) => string;
  /** What the rows are sorted by, as it stands in the address: `name`, or `-name` for the other way. */
  sort?: string;
  selection?: Selection;
  /** Whether there is more to read, and what reads it: done by itself when the end comes into sight. */
  hasMore?: boolean;
  more?: () => void;
}

/** The column before those that are given. */
const SELECTED = { name: "Selected", grows: false };
/** Shorter tables are drawn whole and grow with the page. */
const WHOLE_ROWS = 60;

/** Rows of one kind. Of a long table, only what is in sight is in the page. */
export function Table<T>({ label, columns, rows, rowKey, rowHref, sort = "", selection, hasMore = false, more }: TableProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  // Once it is long it stays so: while the next rows are read, it is not known whether there are more.
  const wasLong = useRef(false);
  wasLong.current ||= rows.length > WHOLE_ROWS || hasMore;
  const isLong = wasLong.current;
  const seen = useWindow(frame, rows.length, isLong);
  const { first, end, rowPx } = isLong ? seen : { first: 0, end: rows.length, rowPx: 0 };
  const all = selection ? [SELECTED, ...columns] : columns;
  const fit = useWidths(frame, { isLong, names: all.map(({ name }) => name), grows: all.findIndex(({ grows }) => grows) });
  useLayoutEffect(() => (frame.current ? keepScroll(frame.current, label) : undefined), [label]);
  useEffect(() => {
    if (hasMore && end > rows.length - 20) more?.();
  }, [hasMore, end, rows.length]);

  // The same function for as long as the table is there, so that rows that stay as they are need not be drawn again.
  const newest = useRef(selection);
  newest.current = selection;
  const toggle = useCallback((key: string) => {
    const keys = new Set(newest.current?.keys);
    if (!keys.delete(key)) keys.add(key);
    newest.current?.onChange(keys);
  }, []);
  return (
    <div ref={frame} class="table-wrap" data-long={isLong || undefined} style={isLong && rowPx > 0 ? { "--row": `${rowPx}px` } : undefined} tabIndex={0} role="region" aria-label={label}>
      {/* The roles are those that the elements have anyway, said for browsers that forget them where rows are laid out in another way. */}
      <table class="table" role="table" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {selection && (
              <th scope="col" role="columnheader">
                <span class="hidden-visually">{SELECTED.name}</span>
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.name} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" style={isLong ? { height: `${rows.length * rowPx}px`, paddingTop: `${first * rowPx}px` } : undefined}>
          {rows.slice(first, end).map((row, place) => {
            const key = rowKey(row);
            return <Line key={key} of={key} row={row} index={first + place} columns={columns} href={rowHref?.(row)} isSelected={selection?.keys.has(key)} toggle={toggle} fit={fit} />;
          })}
        </tbody>
      </table>
    </div>
  );
}

function Head<T>({ column, sort }: { column: Column<T>; sort: string }) {
  const isSorted = column.sort !== undefined && sort.replace(/^-/, "") === column.sort;
  const isDown = isSorted && sort.startsWith("-");
  const order = isSorted ? (isDown ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" role="columnheader" class={column.number ? "number" : undefined} aria-sort={order}>
      {column.sort === undefined ? (
        column.name
      ) : (
        <button type="button" onClick={() => show({ sort: isSorted && !isDown ? `-${column.sort}` : column.sort })}>
          {column.name}
          <span aria-hidden="true">{isSorted ? (isDown ? " ↓" : " ↑") : ""}</span>
        </button>
      )}
    </th>
  );
}
