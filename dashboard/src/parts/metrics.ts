/** What devices measure: how each is called, in what unit it is told, and how a stretch of it becomes one number. */
import { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { type Format, bytes, count, lengthOfTime, milliseconds, money, percent, plain } from "~/kit/chart/format";

export interface MetricInfo {
  metric: Metric;
  /** As it stands in addresses. */
  key: string;
  name: string;
  /** What the number is, as one would say it after the name. */
  unit: string;
  format: Format;
  /** What comes in portions is summed over a stretch; all else is averaged. */
  isSummed: boolean;
}

function info(metric: Metric, name: string, unit: string, format: Format, isSummed = false): MetricInfo {
  return { metric, key: Metric[metric].toLowerCase(), name, unit, format, isSummed };
}

/** In the order in which they are offered. */
export const METRICS: readonly MetricInfo[] = [
  info(Metric.CPU_PERCENT, "Processor", "in percent of all cores", percent),
  info(Metric.MEMORY_PERCENT, "Memory", "in percent of what there is", percent),
  info(Metric.DISK_PERCENT, "Disk", "in percent of the root file system", percent),
  info(Metric.SWAP_PERCENT, "Swap", "in percent of what there is", percent),
  info(Metric.LOAD_1M, "Load, 1 min", "in runnable tasks", plain),
  info(Metric.LOAD_5M, "Load, 5 min", "in runnable tasks", plain),
  info(Metric.LOAD_15M, "Load, 15 min", "in runnable tasks", plain),
  info(Metric.NETWORK_LATENCY_MS, "Network latency", "in milliseconds", milliseconds),
  info(Metric.TRANSACTION_COUNT, "Transactions", "completed per point", count, true),
  info(Metric.TRANSACTION_VOLUME, "Takings", "in the site's currency, per point", money, true),
  info(Metric.ERROR_RATE, "Error rate", "in percent of operations", percent),
  info(Metric.ACTIVE_CONNECTIONS, "Open connections", "over TCP", count),
  info(Metric.QUEUE_DEPTH, "Queue", "in items that wait", count),
  info(Metric.BYTES_SENT, "Bytes sent", "since the device booted", bytes),
  info(Metric.BYTES_RECEIVED, "Bytes received", "since the device booted", bytes),
  info(Metric.UPTIME_SECONDS, "Uptime", "since the device booted", lengthOfTime),
];

const BY_METRIC = new Map(METRICS.map((one) => [one.metric, one]));
const BY_KEY = new Map(METRICS.map((one) => [one.key, one]));

export function metricInfo(metric: Metric): MetricInfo {
  return BY_METRIC.get(metric) ?? info(metric, "Unknown metric", "", plain);
}

/** The metrics of an address; what is not known is left out, and so is the second of two that are the same. */
export function metricsOf(keys: readonly string[]): Metric[] {
  const found = keys.flatMap((key) => BY_KEY.get(key)?.metric ?? []);
  return [...new Set(found)];
}
