import { telemetry } from "~/api/clients/telemetry";
import { useRead } from "~/api/query";
import { href, param } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Empty, LinkButton, Read } from "~/kit";
import { zone } from "~/kit/time";
import { metricInfo } from "~/parts/metrics";
import { Panel } from "~/parts/Panel";
import { useHeld } from "~/parts/held";
import { useSeries } from "~/parts/readSeries";
import { SeriesInTurn } from "~/parts/SeriesChart";
import type { Span } from "~/parts/span";
import { showRange, SpanPicker, useSpan } from "~/parts/SpanPicker";
import { metricsOf } from "./readings";

/** All that the device measures, over one stretch of time, with one cursor. */
export function ChartList({ device: { deviceId, source } }: { device: Device }) {
  const latest = useRead(["samples", "latest", deviceId], async (signal) => (await telemetry.latest({ deviceIds: [deviceId] }, { signal })).samples[0] ?? null);
  const span = useSpan();
  const others = { device: deviceId, source: sourceParam(source), span: param("span"), from: param("from"), to: param("to") };
  return (
    <div class="stack">
      <SpanPicker span={span} zone={zone.value}>
        <LinkButton href={href("/explore", others)}>Compare with other devices</LinkButton>
      </SpanPicker>
      <Read of={latest} rows={6}>
        {(newest) =>
          newest?.sample ? (
            <Pictures deviceId={deviceId} metrics={metricsOf(newest.sample)} span={span} />
          ) : (
            <Empty title="There is nothing to draw yet">
              <p>The device has not measured anything so far.</p>
            </Empty>
          )
        }
      </Read>
    </div>
  );
}

/** Two of these charts stand beside one another: more points than this would lie upon one another. */
const POINTS = 500;

function Pictures({ deviceId, metrics, span }: { deviceId: string; metrics: ReturnType<typeof metricsOf>; span: Span }) {
  const series = useSeries({ target: { deviceIds: [deviceId] }, metrics, span, points: POINTS });
  const held = useHeld(series.data, JSON.stringify([deviceId, metrics]));
  const isHeld = series.data === undefined && held !== undefined && !series.error;
  return (
    <Read of={isHeld ? { data: held, error: undefined } : series} rows={12}>
      {(data) => (
        <div class="charts">
          {metrics.map((metric) => (
            <Panel key={metric} title={metricInfo(metric).name}>
              <SeriesInTurn data={data} isPrevious={isHeld} metric={metric} group={deviceId} onZoom={showRange} height={180} />
            </Panel>
          ))}
        </div>
      )}
    </Read>
  );
}
