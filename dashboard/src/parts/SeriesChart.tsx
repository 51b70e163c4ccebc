import { useMemo, useRef } from "preact/hooks";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { Loading, Read } from "~/kit";
import { Chart } from "~/kit/Chart";
import { span as lengthOf } from "~/kit/time";
import { useHeld } from "./held";
import { useInTurn } from "./inTurn";
import { linesOf, stretchesOf } from "./lines";
import { metricInfo } from "./metrics";
import { type Target, useSeries } from "./readSeries";
import { MADE_FROM, type SeriesData } from "./series";
import type { Span } from "./span";

/** Room that a chart takes with its legend and foot, kept while it is read. */
const CHART_PX = 220;
const AROUND_PX = 76;

interface Common {
  /** Charts with the same one have their cursors together. */
  group?: string;
  /** Called with the stretch that was dragged over, or with a wider one by a double click. */
  onZoom?: (from: number, to: number) => void;
  height?: number;
  /** Left out: the viewer's zone. */
  zone?: string;
}

interface SeriesChartProps extends Common {
  /** `{ deviceIds: ["till-7"] }`, or `{ siteId, together: true }`. */
  target: Target;
  metric: Metric;
  /** `{ last: 86_400_000 }` moves on while one looks; `{ from, to }` in milliseconds stays. */
  span: Span;
  /** Left out: real and simulated devices, each marked; of devices together, each kind by itself. */
  source?: DeviceSource;
}

/** How one metric of a device, of some, or of a site went. It has no heading of its own. */
export function SeriesChart({ target, metric, span, source, ...rest }: SeriesChartProps) {
  const reading = useSeries({ target, metrics: [metric], span, source });
  const held = useHeld(reading.data, JSON.stringify([target, metric, source]));
  // While another span of the same is read, the one before stays in sight, so that nothing jumps.
  const isHeld = reading.data === undefined && held !== undefined && !reading.error;
  const isWithout = reading.data === undefined && reading.error !== null;
  return (
    <div class="chart-frame" aria-busy={isHeld || undefined} style={isWithout ? undefined : { minHeight: `${(rest.height ?? CHART_PX) + AROUND_PX}px` }}>
      <Read of={isHeld ? { data: held, error: undefined } : reading} rows={4}>
        {(data) => <SeriesPicture data={data} metric={metric} {...rest} />}
      </Read>
    </div>
  );
}

/** The same of what was read already. */
export function SeriesPicture({ data, metric, ...rest }: Common & { data: SeriesData; metric: Metric }) {
  const { name, unit, format } = metricInfo(metric);
  const lines = useMemo(() => linesOf(data, metric), [data, metric]);
  const stretches = useMemo(() => stretchesOf(data, metric), [data, metric]);
  if (lines.length === 0) return <p class="quiet">{name} was not measured in this time. Choose a longer span, or see whether the device was online.</p>;
  return (
    <Chart title={`${name}, ${unit}`} lines={lines} stretches={stretches} from={data.from} to={data.to} format={format} {...rest}>
      {name}, {unit}. A point each {lengthOf(data.resolutionMs)}, from {MADE_FROM[data.madeFrom]}.
    </Chart>
  );
}

/** One of several charts that one answer serves: it is drawn when its turn comes. `isPrevious`: the answer to this question is not there yet. */
export function SeriesInTurn({ data, isPrevious = false, ...rest }: Common & { data: SeriesData; metric: Metric; isPrevious?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useInTurn(data, box);
  return (
    <div ref={box} class="chart-frame" aria-busy={isPrevious || shown !== data || undefined} style={{ minHeight: `${(rest.height ?? CHART_PX) + AROUND_PX}px` }}>
      {shown ? <SeriesPicture data={shown} {...rest} /> : <Loading rows={4} />}
    </div>
  );
}
