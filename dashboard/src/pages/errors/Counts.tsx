import { analytics } from "~/api/clients/analytics";
import { useRead } from "~/api/query";
import { show } from "~/app/route";
import { sourceParam } from "~/app/source";
import { ErrorGrouping, Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Read } from "~/kit";
import { ms, now, zone } from "~/kit/time";
import { Bars } from "~/parts/Bars";
import { barsOf, barStep, hasWholeHours, type Sum } from "~/parts/buckets";
import { counted, whole } from "~/parts/fleet/counts";
import { Panel } from "~/parts/Panel";
import { rangeOf, type Span } from "~/parts/span";
import { SEVERITIES, severityPlace } from "~/parts/severity";
import { reportTurn } from "~/parts/turns";
import { during } from "~/parts/during";
import type { Filter } from "./filter";

/** Errors are in no news. */
const AGAIN_MS = 60_000;
const HOUR = { seconds: 3_600n, nanos: 0 };
const ROWS = 1_000;

interface CountsProps {
  filter: Filter;
  span: Span;
  source: DeviceSource;
  isNamed: boolean;
}

/** How many errors there were over time, by how bad they are. Each severity is counted, also where one is chosen. */
export function Counts({ filter, span, source, isNamed }: CountsProps) {
  const counted = { ...filter, severity: Severity.UNSPECIFIED };
  const read = (signal: AbortSignal) => reportTurn(() => readSums(during(counted, span, source, now.peek()), signal));
  const sums = useRead(["errors", "counts", counted, span, source], read, { everyMs: "last" in span ? AGAIN_MS : undefined });
  const kind = source === DeviceSource.SIMULATED ? "simulated devices" : "real devices";
  return (
    <Panel title={isNamed ? `Counts of ${kind}` : "Counts"}>
      <Read of={sums}>{(all) => <Counted sums={all} span={span} source={source} severity={filter.severity} />}</Read>
    </Panel>
  );
}

async function readSums(filter: ReturnType<typeof during>, signal: AbortSignal): Promise<Sum[]> {
  const sums: Sum[] = [];
  let pageToken = "";
  do {
    const answer = await analytics.aggregateErrors({ filter, groupBy: ErrorGrouping.SEVERITY, resolution: HOUR, pageSize: ROWS, pageToken }, { signal });
    for (const { key, startTime, count } of answer.sums) sums.push({ time: ms(startTime) ?? 0, kind: severityPlace(key), count: Number(count) });
    pageToken = answer.nextPageToken;
  } while (pageToken);
  return sums;
}

function Counted({ sums, span, source, severity }: { sums: readonly Sum[]; span: Span; source: DeviceSource; severity: Severity }) {
  const { from, to } = rangeOf(span, now.peek());
  const step = barStep(to - from);
  const isChosen = (kind: number) => severity === Severity.UNSPECIFIED || SEVERITIES[kind]?.severity === severity;
  const shown = sums.filter(({ kind }) => isChosen(kind));
  const bars = barsOf(shown, SEVERITIES.length, { from, to, step, zone: zone.value });
  const totals = SEVERITIES.map((_, kind) => sums.reduce((sum, one) => sum + (one.kind === kind ? one.count : 0), 0));
  const all = shown.reduce((sum, one) => sum + one.count, 0);
  const only = (key: string) => show({ severity: key, source: sourceParam(source) }, "push");
  return (
    <>
      <div class="row">
        <strong>{counted(all, "error")}</strong>
        {SEVERITIES.map(({ key, many, severity: own }, kind) => (
          <button key={key} type="button" class="button errors-severity" aria-pressed={severity === own} onClick={() => (severity === own ? show({ severity: undefined }, "push") : only(key))}>
            {many} <span class="number">{whole(totals[kind] ?? 0)}</span>
          </button>
        ))}
      </div>
      {all > 0 && !hasWholeHours(zone.value, { from, to }) && (
        <p class="quiet small">Errors are counted by whole hours of UTC. Where such an hour falls into two bars, its errors are counted in the first.</p>
      )}
      {all > 0 && <Bars title="Errors by severity" kinds={SEVERITIES.map(({ many, colour }) => ({ name: many, colour }))} bars={bars} step={step} zone={zone.value} />}
    </>
  );
}
