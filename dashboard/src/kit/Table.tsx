import { useVirtualizer } from "@tanstack/react-virtual";
import type { ComponentChildren } from "preact";
import { memo } from "preact/compat";
import { useCallback, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { show } from "~/app/route";
import { keepScroll } from "~/app/scroll";
import { Button } from "./Button";

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

const ROW_PX = 40;
/** Rows that are drawn beyond those in sight, so that a quick wheel shows no empty place; each of them costs something with every frame. */
const OVERSCAN_ROWS = 4;
/** Shorter tables are drawn whole and grow with the page. */
const WHOLE_ROWS = 60;

/** Rows of one kind. Of a long table, only what is in sight is in the page. */
export function Table<T>({ label, columns, rows, rowKey, rowHref, sort = "", selection, hasMore = false, more }: TableProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const isWhole = rows.length <= WHOLE_ROWS && !hasMore;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current as unknown as HTMLDivElement,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
    enabled: !isWhole,
  });
  const items = isWhole ? rows.map((_, index) => ({ index })) : virtual.getVirtualItems();
  const before = isWhole ? 0 : (virtual.getVirtualItems()[0]?.start ?? 0);
  const after = isWhole ? 0 : virtual.getTotalSize() - (virtual.getVirtualItems().at(-1)?.end ?? 0);
  const last = items.at(-1)?.index ?? 0;
  useLayoutEffect(() => (frame.current ? keepScroll(frame.current, label) : undefined), [label]);
  useEffect(() => {
    if (hasMore && last >= rows.length - 20) more?.();
  }, [hasMore, last, rows.length]);

  // The same function for as long as the table is there, so that rows that stay as they are need not be drawn again.
  const newest = useRef(selection);
  newest.current = selection;
  const toggle = useCallback((key: string) => {
    const keys = new Set(newest.current?.keys);
    if (!keys.delete(key)) keys.add(key);
    newest.current?.onChange(keys);
  }, []);
  const width = columns.length + (selection ? 1 : 0);
  return (
    <div ref={frame} class="table-wrap" style={isWhole ? undefined : { maxHeight: "70dvh" }} tabIndex={0} role="region" aria-label={label}>
      <table class="table" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <thead>
          <tr>
            {selection && (
              <th scope="col">
                <span class="hidden-visually">Selected</span>
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.name} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Gap height={before} width={width} />}
          {items.map(({ index }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const key = rowKey(row);
            return <Line key={key} of={key} row={row} index={index} columns={columns} href={rowHref?.(row)} isSelected={selection?.keys.has(key)} toggle={toggle} />;
          })}
          {after > 0 && <Gap height={after} width={width} />}
        </tbody>
      </table>
      {hasMore && isWhole && <Button onPress={() => more?.()}>Show more</Button>}
    </div>
  );
}

interface LineProps<T> {
  /** Its key. */
  of: string;
  row: T;
  index: number;
  columns: readonly Column<T>[];
  href: string | undefined;
  /** Left out: rows are not selected. */
  isSelected: boolean | undefined;
  toggle: (key: string) => void;
}

function DrawnLine<T>({ of, row, index, columns, href, isSelected, toggle }: LineProps<T>) {
  return (
    <tr aria-rowindex={index + 2} aria-selected={isSelected}>
      {isSelected !== undefined && (
        <td>
          <input type="checkbox" checked={isSelected} aria-label={`Select ${of}`} onChange={() => toggle(of)} />
        </td>
      )}
      {columns.map((column, place) => (
        <td key={column.name} class={[column.number && "number", column.grows && "grows"].filter(Boolean).join(" ") || undefined}>
          {place === 0 && href !== undefined ? <a href={href}>{column.cell(row)}</a> : column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** One row. It is drawn again only when something of it is another: while one scrolls or news come, most rows stay as they are. */
const Line: typeof DrawnLine = memo(DrawnLine);

function Head<T>({ column, sort }: { column: Column<T>; sort: string }) {
  const isSorted = column.sort !== undefined && sort.replace(/^-/, "") === column.sort;
  const isDown = isSorted && sort.startsWith("-");
  const order = isSorted ? (isDown ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" class={column.number ? "number" : undefined} aria-sort={order}>
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

/** The room of rows that are out of sight. */
function Gap({ height, width }: { height: number; width: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={width} style={{ height: `${height}px`, padding: 0, border: 0 }} />
    </tr>
  );
}
