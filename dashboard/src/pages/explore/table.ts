/** What the charts show, as a table. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { GapReason, Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { iso } from "~/kit/zone";
import { type CsvCell, csv } from "~/parts/csv";
import type { SeriesData } from "~/parts/series";

const HEAD = ["time", "device_id", "site_id", "source", "metric", "resolution_seconds", "average", "min", "max", "sum", "count", "gap_until", "gap_reason"];

const word = (source: DeviceSource) => (source === DeviceSource.SIMULATED ? "simulated" : "real");

/** A row for each point and each gap of all that was read; times are in the zone, with their distance from UTC. */
export function tableOf(all: readonly SeriesData[], zone: string): string {
  const gaps = new Map<string, CsvCell[]>();
  const rows: CsvCell[][] = [];
  for (const { series, gaps: missing, resolutionMs } of all) {
    for (const { deviceId, siteId, source, metric, times, averages, lows, highs, sums, counts } of series) {
      const head = [deviceId, siteId, word(source), Metric[metric].toLowerCase(), resolutionMs / 1_000];
      for (const [at, time] of times.entries()) rows.push([iso(time, zone), ...head, averages[at], lows[at], highs[at], sums[at], counts[at]]);
    }
    // Each metric's answer has the same gaps.
    for (const { deviceId, source, from, to, reason } of missing) {
      const row = [iso(from, zone), deviceId, "", word(source), "", "", "", "", "", "", "", iso(to, zone), GapReason[reason].toLowerCase()];
      gaps.set(`${deviceId} ${from} ${reason}`, row);
    }
  }
  return csv(HEAD, [...rows, ...gaps.values()]);
}
