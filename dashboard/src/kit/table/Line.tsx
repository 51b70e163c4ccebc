import { memo } from "preact/compat";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Column } from "../Table";

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
  /** Has the columns of a long table grow to this row. */
  fit: (line: HTMLElement) => void;
}

function DrawnLine<T>({ of, row, index, columns, href, isSelected, toggle, fit }: LineProps<T>) {
  const line = useRef<HTMLTableRowElement>(null);
  useLayoutEffect(() => {
    if (line.current) fit(line.current);
  });
  return (
    <tr ref={line} role="row" aria-rowindex={index + 2} aria-selected={isSelected}>
      {isSelected !== undefined && (
        <td role="cell">
          <input type="checkbox" checked={isSelected} aria-label={`Select ${of}`} onChange={() => toggle(of)} />
        </td>
      )}
      {columns.map((column, place) => (
        <td key={column.name} role="cell" class={cellClass(column)}>
          {place === 0 && href !== undefined ? <a href={href}>{column.cell(row)}</a> : column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

function cellClass({ number, grows }: Column<never>): string | undefined {
  if (number && grows) return "number grows";
  return number ? "number" : grows ? "grows" : undefined;
}

/** One row. It is drawn again only when something of it is another: while one scrolls or news come, most rows stay as they are. */
export const Line: typeof DrawnLine = memo(DrawnLine);
