/** From series to the lines of a chart. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import type { Line, Stretch } from "~/kit/chart/columns";
import { metricInfo } from "./metrics";
import { reasonText, type Series, type SeriesData } from "./series";

/** Devices by their ids, what is taken together by its kind. A simulated device says so. */
export function linesOf({ series, resolutionMs }: SeriesData, metric: Metric): Line[] {
  const { isSummed } = metricInfo(metric);
  return seriesOf(series, metric).map(({ deviceId, source, times, averages, sums, lows, highs }) => {
    const isSimulated = source === DeviceSource.SIMULATED;
    const named = deviceId ? { name: deviceId, note: isSimulated ? "simulated" : undefined } : { name: isSimulated ? "Simulated devices together" : "Real devices together" };
    // Lowest and highest are those of single measurements: about a sum of many they say nothing.
    const line = { ...named, step: resolutionMs, times };
    return isSummed ? { ...line, values: sums } : { ...line, values: averages, lows, highs };
  });
}

function seriesOf(series: readonly Series[], metric: Metric): Series[] {
  return series.filter((one) => one.metric === metric);
}

/** The gaps that concern lines which are there; of devices taken together, each says whose it is. */
export function stretchesOf({ series, gaps }: SeriesData, metric: Metric): Stretch[] {
  const shown = seriesOf(series, metric);
  return gaps.flatMap(({ deviceId, source, from, to, ...why }) => {
    const own = shown.findIndex((one) => one.deviceId === deviceId);
    if (own >= 0) return { line: own, from, to, reason: reasonText(why) };
    const together = shown.findIndex((one) => one.deviceId === "" && one.source === source);
    return together < 0 ? [] : { line: together, of: deviceId, from, to, reason: reasonText(why) };
  });
}
