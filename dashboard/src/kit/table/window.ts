/** Which rows of a long table are in the page: those in sight, and a few before and behind them. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { nextTask } from "~/api/slices";

/** Rows beyond those in sight, so that a quick wheel shows no empty place. Each costs something whenever it comes into the page. */
const MORE_ROWS = 4;
/** The rows that are drawn with the table itself; the others come in a task of their own, so that none takes long. */
const ROWS_AT_FIRST = 5;
/** So long after the last move one is taken to be done with scrolling. */
const STILL_MS = 150;

export interface Window {
  first: number;
  /** The row behind the last one. */
  end: number;
}

interface Frame {
  scrollTop: number;
  height: number;
  /** A whole number, so that rows begin where pixels do. */
  rowPx: number;
}

/** The head, which is as high as a row, covers the first of the frame's pixels. Before the frame was looked at, there are few rows. */
export function windowOf({ scrollTop, height, rowPx }: Frame, rows: number): Window {
  if (rowPx === 0) return { first: 0, end: Math.min(rows, ROWS_AT_FIRST) };
  const end = Math.min(rows, Math.max(0, Math.ceil((scrollTop + height) / rowPx) - 1) + MORE_ROWS);
  const first = Math.max(0, Math.min(Math.floor(scrollTop / rowPx) - MORE_ROWS, end - Math.ceil(height / rowPx) - MORE_ROWS));
  return { first, end };
}

/**
 * The window of the table in `frame`. Where the frame is scrolled to is read once for each frame of the screen, before anything is
 * changed, so that nothing has to be laid out for it. `isLong` is whether there is a window at all.
 */
export function useWindow(frame: RefObject<HTMLElement>, rows: number, isLong: boolean): Window & { rowPx: number } {
  const [seen, setSeen] = useState<Frame>({ scrollTop: 0, height: 0, rowPx: 0 });
  useLayoutEffect(() => {
    const shown = frame.current;
    if (!shown || !isLong) return;
    const look = () => {
      const next = { scrollTop: shown.scrollTop, height: shown.clientHeight, rowPx: Math.ceil(shown.querySelector("thead")?.getBoundingClientRect().height ?? 0) };
      setSeen((before) => (isSame(windowOf(before, Infinity), windowOf(next, Infinity)) && before.rowPx === next.rowPx ? before : next));
    };
    const still = noteScrolling(shown);
    const scrolled = () => {
      still.moved();
      look();
    };
    shown.addEventListener("scroll", scrolled, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(shown);
    look();
    return () => {
      shown.removeEventListener("scroll", scrolled);
      size.disconnect();
      still.end();
    };
  }, [isLong]);
  const [isBegun, setBegun] = useState(false);
  useEffect(() => void nextTask().then(() => setBegun(true)), []);
  const { first, end } = windowOf(seen, rows);
  return { first, end: isBegun ? end : Math.min(end, first + ROWS_AT_FIRST), rowPx: seen.rowPx };
}

function isSame(one: Window, other: Window): boolean {
  return one.first === other.first && one.end === other.end;
}

/** Marks the frame while it is scrolled: rows that pass beneath the pointer are not lit then, which would draw them twice more. */
function noteScrolling(shown: HTMLElement): { moved: () => void; end: () => void } {
  let movedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = () => {
    const left = movedAt + STILL_MS - performance.now();
    timer = left > 0 ? setTimeout(check, left) : undefined;
    if (timer === undefined) delete shown.dataset.scrolling;
  };
  return {
    moved: () => {
      movedAt = performance.now();
      if (timer !== undefined) return;
      shown.dataset.scrolling = "";
      timer = setTimeout(check, STILL_MS);
    },
    end: () => clearTimeout(timer),
  };
}
