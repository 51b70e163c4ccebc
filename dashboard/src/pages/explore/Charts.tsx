import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { Button, SelectField } from "~/kit";
import { show } from "~/app/route";
import { METRICS, metricInfo } from "~/parts/metrics";
import { Panel } from "~/parts/Panel";
import { SeriesChart } from "~/parts/SeriesChart";
import type { Span } from "~/parts/span";
import { showRange } from "~/parts/SpanPicker";
import type { View } from "./view";

interface ChartsProps {
  view: View;
  span: Span;
  zone: string;
  source: DeviceSource;
}

/** A chart for each metric, beneath one another, with one cursor. */
export function Charts({ view, span, zone, source }: ChartsProps) {
  const choose = (metrics: readonly Metric[]) => show({ metric: metrics.map((metric) => metricInfo(metric).key) }, "push");
  return (
    <>
      {view.metrics.map((metric) => (
        <Panel
          key={metric}
          title={metricInfo(metric).name}
          more={
            view.metrics.length > 1 && (
              <Button kind="quiet" label={`Remove the chart of ${metricInfo(metric).name}`} onPress={() => choose(view.metrics.filter((one) => one !== metric))}>
                ✕
              </Button>
            )
          }
        >
          <SeriesChart target={view.target} metric={metric} span={span} source={source} zone={zone} group="explore" onZoom={showRange} />
        </Panel>
      ))}
      <AddChart shown={view.metrics} add={(metric) => choose([...view.metrics, metric])} />
    </>
  );
}

function AddChart({ shown, add }: { shown: readonly Metric[]; add: (metric: Metric) => void }) {
  const rest = METRICS.filter(({ metric }) => !shown.includes(metric));
  if (rest.length === 0) return null;
  const choices = [{ value: "", label: "Choose what it shows…" }, ...rest.map(({ key, name, unit }) => ({ value: key, label: `${name}, ${unit}` }))];
  return (
    <div class="explore-add">
      <SelectField label="Add a chart" value="" choices={choices} onChange={(key) => rest.filter((one) => one.key === key).forEach(({ metric }) => add(metric))} />
    </div>
  );
}
