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
  /** `null`: it was removed. */
  private readonly told = new Map<string, T | null>();

  constructor(private readonly key: (row: T) => string) {}

  /** What was read. It is newer than the news from before, unless it goes on from the same first row. */
  read(rows: readonly T[]): void {
    if (rows === this.read_) return;
    if (rows[0] !== this.read_[0] || rows.length === 0) this.told.clear();
    this.read_ = rows;
    this.layOut();
  }

  /** The newest news of each key; `null`: it was removed. Answers whether a row changed. */
  take(batch: ReadonlyMap<string, T | null>): boolean {
    let next: T[] | undefined;
    let isOtherSet = false;
    for (const [key, row] of batch) {
      const place = this.places.get(key);
      // A key that was removed and is there again belongs to another thing, in the old place.
      isOtherSet ||= (row === null && place !== undefined) || (row !== null && this.told.get(key) === null);
      this.told.set(key, row);
      if (place === undefined || row === null) continue;
      next ??= [...this.now];
      next[place] = row;
    }
    if (next) this.now = next;
    if (isOtherSet) this.layOut();
    return isOtherSet || next !== undefined;
  }

  private layOut(): void {
    this.now = this.read_.flatMap((row) => {
      const told = this.told.get(this.key(row));
      return told === null ? [] : [told ?? row];
    });
    this.places = new Map(this.now.map((row, place) => [this.key(row), place]));
  }
}
