import { CALL_MS } from "./limits";

/** What the news said of a row, and when. `row` is `null` for one that was removed. */
interface Told<T> {
  row: T | null;
  at: number;
}

/**
 * Rows as they were read, with what the news said of each since.
 *
 * A list may have ten thousand rows and hear of hundreds a second, so that work goes by what changed, not by the length of the list.
 * It keeps the newest news of each key once, of rows that were not read yet too: they may be on their way, and older.
 */
export class Kept<T> {
  /** As they are now: another array whenever one of them changed. */
  now: T[] = [];
  private read_: readonly T[] = [];
  /** Where each key stands in `now`. */
  private places = new Map<string, number>();
  private readonly told = new Map<string, Told<T>>();

  /** `clock` is this browser's, in milliseconds. */
  constructor(
    private readonly key: (row: T) => string,
    private readonly clock: () => number = Date.now,
  ) {}

  /**
   * What was read. Unless it goes on from the same first row, it is newer than the news from before the read began, which was at
   * most the time of a call ago.
   */
  read(rows: readonly T[]): void {
    if (rows === this.read_) return;
    if (rows[0] !== this.read_[0] || rows.length === 0) {
      const began = this.clock() - CALL_MS;
      for (const [key, { at }] of this.told) if (at <= began) this.told.delete(key);
    }
    const before = this.read_;
    this.read_ = rows;
    // Where it goes on from what was there, as a long list does page by page, only what came is looked at.
    const goesOn = before.length > 0 && rows.length > before.length && rows[0] === before[0] && rows[before.length - 1] === before.at(-1);
    if (goesOn) this.append(rows.slice(before.length));
    else this.layOut();
  }

  /** The newest news of each key; `null`: it was removed. Answers whether a row changed. */
  take(batch: ReadonlyMap<string, T | null>): boolean {
    let next: T[] | undefined;
    let isOtherSet = false;
    const at = this.clock();
    for (const [key, row] of batch) {
      const place = this.places.get(key);
      // A key that was removed and is there again belongs to another thing, in the old place.
      isOtherSet ||= (row === null && place !== undefined) || (row !== null && this.told.get(key)?.row === null);
      this.told.set(key, { row, at });
      if (place === undefined || row === null) continue;
      next ??= [...this.now];
      next[place] = row;
    }
    if (next) this.now = next;
    if (isOtherSet) this.layOut();
    return isOtherSet || next !== undefined;
  }

  private layOut(): void {
    this.now = [];
    this.places = new Map();
    this.append(this.read_);
  }

  private append(rows: readonly T[]): void {
    const next = this.now.slice();
    for (const row of rows) {
      const key = this.key(row);
      const told = this.told.get(key);
      if (told?.row === null) continue;
      this.places.set(key, next.length);
      next.push(told?.row ?? row);
    }
    this.now = next;
  }
}
