/** From the points of lines to the columns that are drawn. */

export interface Line {
  name: string;
  /** Said after the name, such as "simulated". */
  note?: string;
  /** What one point stands for, in milliseconds; left out: a moment. */
  step?: number;
  /** Milliseconds since 1970, growing. */
  times: readonly number[];
  values: readonly number[];
  /** The band about the line; left out: there is none. */
  lows?: readonly number[];
  highs?: readonly number[];
}

export interface Stretch {
  /** The place of the line it belongs to; left out: of all. */
  line?: number;
  /** Whose it is, where that is not the line's own name. */
  of?: string;
  from: number;
  to: number;
  /** Why nothing is there. */
  reason: string;
}

/** `null` breaks the line, `undefined` does not: another line has a point there. */
export type Cell = number | null | undefined;

export interface Columns {
  times: number[];
  /** For each line its values and, where there is a band, its lows and highs. */
  lines: { values: Cell[]; lows: Cell[] | undefined; highs: Cell[] | undefined }[];
}

/** A line is broken where points are further apart than this many of its usual distances. */
const TOLERANCE = 2.5;
/** What counts as a usual distance where there is only one point. */
const FEW_MS = 120_000;

/** Asked for several times of the same line, and worked out once. */
const distances = new WeakMap<readonly number[], number>();

/** The median of the distances between neighbours. */
export function usualDistance(times: readonly number[]): number {
  const known = distances.get(times);
  if (known !== undefined) return known;
  const all = new Float64Array(Math.max(0, times.length - 1));
  for (let index = 0; index < all.length; index += 1) all[index] = (times[index + 1] ?? 0) - (times[index] ?? 0);
  const median = all.sort()[Math.floor(all.length / 2)] ?? Number.POSITIVE_INFINITY;
  distances.set(times, median);
  return median;
}

/** A time within each stretch that a line must not bridge: where points are missing that were to be expected. */
function breaks({ times }: Line, stretches: readonly Stretch[]): number[] {
  const usual = usualDistance(times);
  const found: number[] = [];
  for (let index = 1; index < times.length; index += 1) {
    const [before, after] = [times[index - 1] ?? 0, times[index] ?? 0];
    if (after - before <= usual) continue;
    const middle = before + (after - before) / 2;
    if (after - before > usual * TOLERANCE || stretches.some((stretch) => stretch.from <= middle && middle <= stretch.to)) found.push(middle);
  }
  return found;
}

/** `from` and `to` always are among the times, so that the axis reaches from one to the other. */
export function columnsOf(lines: readonly Line[], stretches: readonly Stretch[], from: number, to: number): Columns {
  const broken = lines.map((line, index) => breaks(line, stretches.filter((stretch) => stretch.line === index && stretch.of === undefined)));
  const times = [...new Set(Float64Array.from([from, to, ...lines.flatMap((line) => line.times), ...broken.flat()]).sort())];
  const place = new Map(times.map((time, index) => [time, index]));
  const spread = (line: Line, gaps: readonly number[], values: readonly number[] | undefined) => {
    if (!values) return undefined;
    const cells = new Array<Cell>(times.length).fill(undefined);
    for (const gap of gaps) cells[place.get(gap) ?? 0] = null;
    for (const [index, time] of line.times.entries()) cells[place.get(time) ?? 0] = values[index];
    return cells;
  };
  return {
    times,
    lines: lines.map((line, index) => {
      const gaps = broken[index] ?? [];
      return { values: spread(line, gaps, line.values) ?? [], lows: spread(line, gaps, line.lows), highs: spread(line, gaps, line.highs) };
    }),
  };
}

/** When the last point was, where that is so long before `to` that it is not how things are now. */
export function endedAt({ times, step = 0 }: Line, to: number): number | undefined {
  const last = times.at(-1);
  const usual = usualDistance(times);
  const tolerated = Math.max(step, Number.isFinite(usual) ? usual : FEW_MS) * TOLERANCE;
  return last !== undefined && to - last > tolerated ? last : undefined;
}

/** The place of the point that the line has at `index` or nearest to it on the same side of each gap. */
export function pointAt(cells: readonly Cell[], index: number): number | undefined {
  if (cells[index] === null) return undefined;
  for (const way of [-1, 1]) {
    let at = index;
    while (cells[at] === undefined && at >= 0 && at < cells.length) at += way;
    if (typeof cells[at] === "number" && isJoined(cells, index, -way)) return at;
  }
  return undefined;
}

/** Whether the line goes on that way, so that a place without a point of its own lies on it. */
function isJoined(cells: readonly Cell[], index: number, way: number): boolean {
  let at = index;
  while (cells[at] === undefined && at >= 0 && at < cells.length) at += way;
  return typeof cells[at] === "number";
}

/** Points that have no neighbour on either side: they are drawn as dots, since no line leads through them. */
export function lonely(cells: readonly Cell[]): number[] {
  const found: number[] = [];
  let before: number | undefined;
  let hasBefore = false;
  const end = (hasAfter: boolean) => {
    if (before !== undefined && !hasBefore && !hasAfter) found.push(before);
  };
  for (const [index, cell] of cells.entries()) {
    if (cell === undefined) continue;
    if (cell === null) {
      end(false);
      before = undefined;
      hasBefore = false;
      continue;
    }
    end(true);
    hasBefore = before !== undefined;
    before = index;
  }
  end(false);
  return found;
}

/** The smallest and the largest of all that is drawn. */
export function reach(lines: readonly Line[]): { low: number; high: number } | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const line of lines) {
    for (const value of line.lows ?? line.values) low = Math.min(low, value);
    for (const value of line.highs ?? line.values) high = Math.max(high, value);
  }
  return low <= high ? { low, high } : undefined;
}
