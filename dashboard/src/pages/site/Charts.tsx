import { href } from "~/app/route";
import { sourceFilter } from "~/app/source";
import { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { Empty, Read } from "~/kit";
import { linesOf } from "~/parts/lines";
import { metricInfo } from "~/parts/metrics";
import { useSeries } from "~/parts/readSeries";
import { SeriesInTurn } from "~/parts/SeriesChart";

const METRICS = [Metric.CPU_PERCENT, Metric.MEMORY_PERCENT, Metric.NETWORK_LATENCY_MS, Metric.TRANSACTION_COUNT];
const DAY_MS = 86_400_000;
const HEIGHT = 180;
/** Two of them stand beside one another. */
const POINTS = 500;

/** How the devices of a site fared together in the last day. What none of them measures has no picture. */
export default function Charts({ siteId }: { siteId: string }) {
  const reading = useSeries({ target: { siteId, together: true }, metrics: METRICS, span: { last: DAY_MS }, source: sourceFilter(), points: POINTS });
  return (
    <Read of={reading} rows={4}>
      {(data) => {
        const measured = METRICS.filter((metric) => linesOf(data, metric).length > 0);
        if (measured.length === 0) return <Empty title="Nothing was measured here in the last 24 hours" />;
        return (
          <div class="site-charts">
            {measured.map((metric) => (
              <section key={metric} class="card stack" aria-labelledby={`chart-${metric}`}>
                <div class="row spread">
                  <h3 id={`chart-${metric}`}>{metricInfo(metric).name}</h3>
                  <a class="small" href={href("/explore", { site: siteId, metric: metricInfo(metric).key })}>
                    Explore
                  </a>
                </div>
                <SeriesInTurn data={data} metric={metric} group={`site-${siteId}`} height={HEIGHT} />
              </section>
            ))}
          </div>
        );
      }}
    </Read>
  );
}
