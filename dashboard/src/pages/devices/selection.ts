/** Which selected devices stay selected when the list changes: nothing that is out of sight by a filter may be commanded. */

export interface Shown {
  /** What the selection was made under, and what is filtered by now. */
  filterBefore: string;
  filterNow: string;
  /** Ids of the rows that are read and shown. */
  rows: ReadonlySet<string>;
  /** Ids of rows that were read and don't match any more, or are gone. */
  gone: ReadonlySet<string>;
  /** Whether there are more rows than are read. */
  hasMore: boolean;
}

/** What is left of `selected`; the same set where nothing is taken out. */
export function pruned(selected: ReadonlySet<string>, shown: Shown): ReadonlySet<string> {
  const isSame = shown.filterBefore === shown.filterNow;
  const stays = (id: string) => shown.rows.has(id) || (isSame && shown.hasMore && !shown.gone.has(id));
  const left = [...selected].filter(stays);
  return left.length === selected.size ? selected : new Set(left);
}

export function takenOutWords(count: number): string {
  return count === 1
    ? "1 device was taken out of the selection, because this list does not show it any more."
    : `${count.toLocaleString("en-GB")} devices were taken out of the selection, because this list does not show them any more.`;
}

/** The most devices that a page of the list has, and so that are selected by id at once. */
export const MOST_BY_ID = 1_000;
