/**
 * How wide the columns of a long table are: as wide as what stands in them, of the rows that were in the page so far.
 *
 * The browser's own layout of tables looks at every row whenever one comes or goes. Here each row is laid out by itself, in columns
 * whose widths are known, and they only grow. Widths are read where the browser has to lay the new rows out anyway, and are written
 * before they are drawn.
 */
import { useSignalEffect } from "@preact/signals";
import type { RefObject } from "preact";
import { useCallback, useLayoutEffect, useRef } from "preact/hooks";
import { now } from "../time";

/** The column that takes the room that is left. */
const GROWS = "minmax(9rem, 1fr)";

/** The tracks of a grid of columns with these widths; `grows`: the place of the one that takes what is left, or -1. */
export function tracks(widths: readonly number[], grows: number): string {
  // Without such a one, all share what is left by their widths.
  return widths.map((width, place) => (place === grows ? GROWS : grows < 0 ? `minmax(${width}px, ${width}fr)` : `${width}px`)).join(" ");
}

/** The room that the columns need at least. */
export function least(widths: readonly number[], grows: number): string {
  const sum = widths.reduce((all, width, place) => (place === grows ? all : all + width), 0);
  return `calc(${sum}px + ${widths.length} * var(--gap)${grows < 0 ? "" : " + 9rem"})`;
}

interface Columns {
  isLong: boolean;
  /** What they are: others are measured anew. */
  names: readonly string[];
  /** The place of the one that takes the room that is left, or -1. */
  grows: number;
}

/** Answers what has the columns grow to a row's cells; to be called for each row that is new or another. */
export function useWidths(frame: RefObject<HTMLElement>, { isLong, names, grows }: Columns): (row: HTMLElement) => void {
  const widths = useRef<number[]>([]);
  const fresh = useRef<Set<Element>>(new Set());
  const key = isLong ? names.join("\n") : "";
  const measured = useRef("");
  const fit = () => {
    const rows = [...fresh.current];
    fresh.current.clear();
    const table = frame.current?.querySelector<HTMLElement>("table");
    if (!table || !isLong) return;
    const write = () => {
      table.style.setProperty("--columns", tracks(widths.current, grows));
      table.style.setProperty("--least", least(widths.current, grows));
    };
    if (measured.current !== key) {
      measured.current = key;
      widths.current = names.map(() => 0);
      write();
    }
    // All is read before anything is written, so that rows are laid out once.
    const wanted = [...widths.current];
    for (const row of rows) {
      for (const [place, cell] of [...row.children].entries()) {
        const width = cell.scrollWidth;
        if (width > (wanted[place] ?? Infinity)) wanted[place] = width + 1;
      }
    }
    if (wanted.every((width, place) => place === grows || width === widths.current[place])) return;
    widths.current = wanted;
    write();
  };
  // Effects of rows come before this one. The head may be another whenever the table is drawn.
  useLayoutEffect(() => {
    const head = frame.current?.querySelector("thead tr");
    if (head) fresh.current.add(head);
    fit();
  });
  // Ages grow without their rows being drawn again.
  useSignalEffect(() => {
    if (now.value === 0 || !isLong) return;
    requestAnimationFrame(() => {
      for (const row of frame.current?.querySelectorAll("tbody tr") ?? []) fresh.current.add(row);
      fit();
    });
  });
  return useCallback((row: HTMLElement) => void fresh.current.add(row), []);
}
