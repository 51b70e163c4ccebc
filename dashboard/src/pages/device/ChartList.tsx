import { telemetry } from "~/api/clients";
import { useRead } from "~/api/query";
import { href, param, show } from "~/app/route";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Empty, LinkButton, Read } from "~/kit";
import { now } from "~/kit/time";
import { metricInfo } from "~/parts/metrics";
import { Panel } from "~/parts/Panel";
import { useSeries } from "~/parts/readSeries";
import { SeriesPicture } from "~/parts/SeriesChart";
import { spanOf, zoomed } from "~/parts/span";
import { metricsOf } from "./readings";
import { SpanChoice } from "./SpanChoice";

/** All that the device measures, over one stretch of time, with one cursor. */
export function ChartList({ device: { deviceId } }: { device: Device }) {
  const latest = useRead(["samples", "latest", deviceId], async (signal) => (await telemetry.latest({ deviceIds: [deviceId] }, { signal })).samples[0] ?? null);
  const span = spanOf(param("span"), param("from"), param("to"));
  return (
    <div class="stack">
      <SpanChoice>
        <LinkButton href={href("/explore", { device: deviceId, span: param("span"), from: param("from"), to: param("to") })}>Compare with other devices</LinkButton>
      </SpanChoice>
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

function Pictures({ deviceId, metrics, span }: { deviceId: string; metrics: ReturnType<typeof metricsOf>; span: ReturnType<typeof spanOf> }) {
  const series = useSeries({ target: { deviceIds: [deviceId] }, metrics, span });
  const zoom = (from: number, to: number) => {
    const part = zoomed(from, to, now.peek());
    show({ span: "", from: String(part.from), to: String(part.to) }, "push");
  };
  return (
    <Read of={series} rows={12}>
      {(data) => (
        <div class="charts">
          {metrics.map((metric) => (
            <Panel key={metric} title={metricInfo(metric).name}>
              <SeriesPicture data={data} metric={metric} group={deviceId} onZoom={zoom} height={180} />
            </Panel>
          ))}
        </div>
      )}
    </Read>
  );
}
