/** Reads series from the server, as few at once as it lets an operator. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { telemetry } from "~/api/clients/telemetry";
import { cache, useRead } from "~/api/query";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Metric, QueryGrouping } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { clockOffsetMs } from "~/kit/time";
import { Collector, extended, isSilentAtEnd, type SeriesData } from "./series";
import { rangeOf, type Span } from "./span";
import { seriesTurn } from "./turns";

/** Whose measurements: of named devices, or of all of a site; each by itself or all together. */
export interface Target {
  deviceIds?: readonly string[];
  siteId?: string;
  together?: boolean;
}

export interface SeriesQuestion {
  target: Target;
  metrics: readonly Metric[];
  span: Span;
  /** Left out: both; of devices together, each by itself. */
  source?: DeviceSource;
  /** So many points of each series at most, as the chart has room for. */
  points?: number;
}

const LIVE_MS = 15_000;
/** After so long all is read again, since what a device held back fills what lies behind. */
const WHOLE_MS = 60_000;
const POINTS = 1_000;

function keyOf({ target, metrics, span, source = DeviceSource.UNSPECIFIED, points = POINTS }: SeriesQuestion) {
  return ["series", target, metrics, span, source, points] as const;
}

/** What was read for a question already. */
export function seriesRead(question: SeriesQuestion): SeriesData | undefined {
  return cache.getQueryData(keyOf(question));
}

/** Where the span moves on, it is asked for again every 15 s; only its end is read then. */
export function useSeries(question: SeriesQuestion) {
  const { target, metrics, span } = question;
  const isAsked = metrics.length > 0 && ((target.deviceIds?.length ?? 0) > 0 || Boolean(target.siteId));
  const read = (signal: AbortSignal) => readOn(question, seriesRead(question), signal);
  return useRead(keyOf(question), read, { enabled: isAsked, everyMs: "last" in span ? LIVE_MS : undefined });
}

async function readOn(question: SeriesQuestion, before: SeriesData | undefined, signal: AbortSignal): Promise<SeriesData> {
  const now = Date.now() + clockOffsetMs.value;
  const range = rangeOf(question.span, now);
  const isOn = "last" in question.span && before && before.series.length > 0 && now - before.wholeAt < WHOLE_MS && !isSilentAtEnd(before);
  if (!isOn) return { ...(await readAll(question, range, undefined, now, signal)), ...range };
  // The last points were not over when they were read.
  const from = before.to - 3 * before.resolutionMs;
  const end = await readAll(question, { from, to: range.to }, before.resolutionMs, before.wholeAt, signal);
  return { ...extended(before, { ...end, from: Math.max(end.from, from - before.resolutionMs) }, range.from - before.resolutionMs), ...range };
}

async function readAll(question: SeriesQuestion, range: { from: number; to: number }, resolutionMs: number | undefined, wholeAt: number, signal: AbortSignal): Promise<SeriesData> {
  const { target, source = DeviceSource.UNSPECIFIED, points = POINTS } = question;
  // One series of real and simulated devices would be true of neither.
  const sources = target.together && source === DeviceSource.UNSPECIFIED ? [DeviceSource.REAL, DeviceSource.SIMULATED] : [source];
  const collector = new Collector();
  for (const one of sources) {
    await seriesTurn(async () => {
      const request = {
        deviceIds: [...(target.deviceIds ?? [])],
        siteId: target.siteId ?? "",
        metrics: [...question.metrics],
        startTime: timestampFromMs(Math.floor(range.from)),
        endTime: timestampFromMs(Math.ceil(range.to)),
        resolution: resolutionMs === undefined ? undefined : { seconds: BigInt(Math.round(resolutionMs / 1_000)), nanos: 0 },
        maxPoints: resolutionMs === undefined ? points : 0,
        grouping: target.together ? QueryGrouping.TOGETHER : QueryGrouping.BY_DEVICE,
        source: one,
      };
      for await (const message of telemetry.query(request, { signal, timeoutMs: 60_000 })) collector.take(message);
    });
  }
  return collector.done(wholeAt);
}
