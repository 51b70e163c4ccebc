/** What a device measured, each value with its own age: a sample may leave out what the one before had. */
import type { DeviceSample, Sample } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { durationMs, ms, span } from "~/kit/time";
import { metricInfo } from "~/parts/metrics";

export interface Reading {
  key: string;
  name: string;
  text: string;
  /** Where it is a share of a whole. */
  percent?: number;
  /** Over which time, or of what. */
  about?: string;
  /** When it was measured. */
  at: number;
}

export type Held = ReadonlyMap<string, Reading>;

export const GROUPS: readonly { title: string; metrics: readonly Metric[] }[] = [
  { title: "Machine", metrics: [Metric.CPU_PERCENT, Metric.MEMORY_PERCENT, Metric.DISK_PERCENT, Metric.SWAP_PERCENT, Metric.LOAD_1M, Metric.LOAD_5M, Metric.LOAD_15M, Metric.UPTIME_SECONDS] },
  { title: "Trade", metrics: [Metric.TRANSACTION_COUNT, Metric.TRANSACTION_VOLUME] },
  { title: "Application and network", metrics: [Metric.ERROR_RATE, Metric.QUEUE_DEPTH, Metric.NETWORK_LATENCY_MS, Metric.ACTIVE_CONNECTIONS, Metric.BYTES_SENT, Metric.BYTES_RECEIVED] },
];
const SHARES: readonly Metric[] = [Metric.CPU_PERCENT, Metric.MEMORY_PERCENT, Metric.DISK_PERCENT, Metric.SWAP_PERCENT, Metric.ERROR_RATE];
const SINCE_BOOT: readonly Metric[] = [Metric.BYTES_SENT, Metric.BYTES_RECEIVED];

/** `held` with what `sample` measured; an older sample changes nothing. */
export function merged(held: Held, { sample }: DeviceSample): Held {
  const at = ms(sample?.collectedAt);
  if (!sample || at === undefined) return held;
  const next = new Map(held);
  for (const reading of [...numbers(sample, at), ...temperatures(sample, at)]) {
    if ((next.get(reading.key)?.at ?? 0) <= at) next.set(reading.key, reading);
  }
  return next;
}

function numbers(sample: Sample, at: number): Reading[] {
  return GROUPS.flatMap(({ metrics }) => metrics).flatMap((metric) => {
    const measured = valueOf(sample, metric);
    if (measured === undefined) return [];
    const value = Number(measured);
    const { key, name, format, isSummed } = metricInfo(metric);
    const interval = durationMs(sample.collectionInterval);
    const about = isSummed ? (interval === undefined ? "since it last reported" : `in ${span(interval)}`) : SINCE_BOOT.includes(metric) ? "since it booted" : undefined;
    return [{ key, name, text: format.text(value), percent: SHARES.includes(metric) ? value : undefined, about, at }];
  });
}

/** The field of a metric is called as the metric is. */
function valueOf(sample: Sample, metric: Metric): number | bigint | undefined {
  const field = Metric[metric].toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const value = sample[field as keyof Sample];
  return typeof value === "number" || typeof value === "bigint" ? value : undefined;
}

function temperatures(sample: Sample, at: number): Reading[] {
  return sample.temperatures.map(({ sensor, celsius }) => ({ key: `temperature ${sensor}`, name: sensor, text: `${celsius.toFixed(1)} °C`, at }));
}

/** Readings in the order of a page; a group without any is left out. */
export function grouped(held: Held): { title: string; readings: Reading[] }[] {
  const known = GROUPS.map(({ title, metrics }) => ({ title, readings: metrics.flatMap((metric) => held.get(metricInfo(metric).key) ?? []) }));
  const warmth = [...held.values()].filter(({ key }) => key.startsWith("temperature "));
  return [...known, { title: "Temperatures", readings: warmth }].filter(({ readings }) => readings.length > 0);
}

/** The metrics that a device measures, for its charts. */
export function metricsOf(sample: Sample): Metric[] {
  return GROUPS.flatMap(({ metrics }) => metrics).filter((metric) => valueOf(sample, metric) !== undefined);
}

/** Older than that, a sample tells of the past even if the device is online. */
export function isStale(sample: Sample, now: number): boolean {
  const at = ms(sample.collectedAt);
  const interval = durationMs(sample.collectionInterval) ?? 60_000;
  return at === undefined || now - at > Math.max(60_000, 3 * interval);
}
