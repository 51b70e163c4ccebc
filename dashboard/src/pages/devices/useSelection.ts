import { useEffect, useState } from "preact/hooks";
import { pruned } from "./selection";

interface Listed {
  filterKey: string;
  rows: readonly { deviceId: string }[];
  /** As they were read, those that don't match any more included. */
  readRows: readonly { deviceId: string }[];
  hasMore: boolean;
  /** Whether `rows` are those of another filter, until this one's are there. */
  isPrevious: boolean;
  isPending: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/** What is selected by id. What the list ceases to show is taken out, and counted in `takenOut`. */
export function useSelection(list: Listed) {
  const [selection, setSelection] = useState({ keys: NONE, under: list.filterKey });
  const [takenOut, setTakenOut] = useState(0);
  const isSettled = !list.isPrevious && !list.isPending;
  useEffect(() => {
    if (!isSettled || (selection.keys.size === 0 && selection.under === list.filterKey)) return;
    const rows = new Set(list.rows.map(({ deviceId }) => deviceId));
    const gone = new Set(list.readRows.map(({ deviceId }) => deviceId).filter((id) => !rows.has(id)));
    const left = pruned(selection.keys, { filterBefore: selection.under, filterNow: list.filterKey, rows, gone, hasMore: list.hasMore });
    if (left === selection.keys && selection.under === list.filterKey) return;
    const out = selection.keys.size - left.size;
    if (out > 0 || selection.under !== list.filterKey) setTakenOut(out);
    setSelection({ keys: left, under: list.filterKey });
  });
  const select = (keys: ReadonlySet<string>) => {
    setTakenOut(0);
    setSelection({ keys, under: list.filterKey });
  };
  return { keys: selection.keys, isSettled: isSettled && selection.under === list.filterKey, takenOut, select };
}
