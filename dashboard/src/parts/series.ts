/** How metrics went, as the server told it: put together from the pieces of its answer, and carried on as time goes on. */
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Gap, GapReason, type Metric, type QueryResponse, QuerySource, type Series as Piece } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { durationMs, ms } from "~/kit/time";

export interface Series {
  /** Empty: of devices taken together. */
  deviceId: string;
  siteId: string;
  metric: Metric;
  source: DeviceSource;
  /** Starts of the points, in milliseconds. The lists beside it have as many entries. */
  times: number[];
  averages: number[];
  lows: number[];
  highs: number[];
  sums: number[];
  counts: number[];
}

export interface SeriesGap {
  deviceId: string;
  source: DeviceSource;
  from: number;
  to: number;
  reason: GapReason;
  /** How many samples the device says are lost. */
  samples: number;
}

export interface SeriesData {
  /** From point to point. */
  resolutionMs: number;
  madeFrom: QuerySource;
  from: number;
  to: number;
  series: Series[];
  gaps: SeriesGap[];
  /** When all of it was read, and not only its end. */
  wholeAt: number;
}

const VALUES = ["times", "averages", "lows", "highs", "sums", "counts"] as const;

function keyOf({ deviceId, metric, source }: { deviceId: string; metric: Metric; source: DeviceSource }): string {
  return `${deviceId} ${metric} ${source}`;
}

/** Puts an answer together from its messages. */
export class Collector {
  private readonly byKey = new Map<string, Series>();
  private readonly gaps: SeriesGap[] = [];
  private plan = { resolutionMs: 0, madeFrom: QuerySource.UNSPECIFIED, from: 0, to: 0 };

  take({ message }: QueryResponse): void {
    if (message.case === "series") this.addPoints(message.value);
    if (message.case === "gap") this.gaps.push(gapOf(message.value));
    if (message.case === "plan") {
      const { resolution, source, startTime, endTime } = message.value;
      this.plan = { resolutionMs: durationMs(resolution) ?? 0, madeFrom: source, from: ms(startTime) ?? 0, to: ms(endTime) ?? 0 };
    }
  }

  done(wholeAt: number): SeriesData {
    const series = [...this.byKey.values()].filter(({ times }) => times.length > 0);
    return { ...this.plan, series, gaps: this.gaps, wholeAt };
  }

  private addPoints(piece: Piece): void {
    const { deviceId, siteId, metric, source } = piece;
    const key = keyOf(piece);
    const into = this.byKey.get(key) ?? { deviceId, siteId, metric, source, times: [], averages: [], lows: [], highs: [], sums: [], counts: [] };
    this.byKey.set(key, into);
    for (const { startTime, average, min, max, sum, count } of piece.points) {
      into.times.push(ms(startTime) ?? 0);
      into.averages.push(average);
      into.lows.push(min);
      into.highs.push(max);
      into.sums.push(sum);
      into.counts.push(Number(count));
    }
  }
}

function gapOf({ deviceId, source, startTime, endTime, reason, samples }: Gap): SeriesGap {
  return { deviceId, source, from: ms(startTime) ?? 0, to: ms(endTime) ?? 0, reason, samples: Number(samples) };
}

/** Older data with a newer end: what the end covers is as the end tells it, and what lies before `from` is dropped. */
export function extended(before: SeriesData, end: SeriesData, from: number): SeriesData {
  const ends = new Map(end.series.map((one) => [keyOf(one), one]));
  const known = new Set(before.series.map(keyOf));
  const grown = before.series.map((one) => joined(one, ends.get(keyOf(one)), end.from, from));
  const isNew = (one: Series) => !known.has(keyOf(one));
  return {
    ...before,
    from: Math.max(before.from, from),
    to: end.to,
    series: [...grown.filter(({ times }) => times.length > 0), ...end.series.filter(isNew)],
    gaps: joinedGaps(before.gaps, end.gaps, end.from).filter(({ to }) => to > from),
  };
}

function joined(before: Series, end: Series | undefined, endFrom: number, from: number): Series {
  const place = (least: number) => {
    const found = before.times.findIndex((time) => time >= least);
    return found < 0 ? before.times.length : found;
  };
  const [first, last] = [place(from), place(endFrom)];
  const next = { ...before };
  for (const name of VALUES) next[name] = [...before[name].slice(first, last), ...(end?.[name] ?? [])];
  return next;
}

function joinedGaps(before: readonly SeriesGap[], end: readonly SeriesGap[], endFrom: number): SeriesGap[] {
  const older = before.filter((gap) => gap.from < endFrom).map((gap) => ({ ...gap, to: Math.min(gap.to, endFrom) }));
  const rest = end.filter((gap) => {
    const begun = older.find((one) => one.deviceId === gap.deviceId && one.reason === gap.reason && one.to === endFrom && gap.from <= endFrom);
    if (begun) begun.to = gap.to;
    return !begun;
  });
  return [...older, ...rest];
}

/** Whether a device is silent at the end: what it still holds comes once it is back, and fills what lies behind. */
export function isSilentAtEnd({ gaps, to, resolutionMs }: SeriesData): boolean {
  return gaps.some((gap) => gap.reason === GapReason.NO_SAMPLES && gap.to >= to - 2 * resolutionMs);
}

const REASONS: Record<GapReason, string> = {
  [GapReason.UNSPECIFIED]: "no reason given",
  [GapReason.NO_SAMPLES]: "no samples came; the device was off, or is out of reach and still holds them",
  [GapReason.SPOOL_FULL]: "the device had no more room and dropped its oldest samples",
  [GapReason.TOO_OLD]: "the device held its samples for longer than the server takes them",
  [GapReason.DAMAGED]: "samples could not be read back from the device's disk",
};

export function reasonText({ reason, samples }: Pick<SeriesGap, "reason" | "samples">): string {
  return samples > 0 ? `${REASONS[reason]} (${samples} lost)` : REASONS[reason];
}

export const MADE_FROM: Record<QuerySource, string> = {
  [QuerySource.UNSPECIFIED]: "stored values",
  [QuerySource.RAW]: "samples",
  [QuerySource.MINUTES]: "minutes",
  [QuerySource.HOURS]: "hours",
};
