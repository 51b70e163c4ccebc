import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { analytics } from "~/api/clients/analytics";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import { ErrorGrouping } from "~/gen/homepot/analytics/v1/analytics_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Read, SourceBadge, Tile } from "~/kit";
import { now } from "~/kit/time";
import { whole } from "~/parts/fleet/counts";
import { Panel } from "~/parts/Panel";
import { bySeverity } from "./severities";

const HOUR_MS = 3_600_000;
/** Errors are in no news. */
const AGAIN_MS = 60_000;

export function LastErrors({ sources }: { sources: readonly DeviceSource[] }) {
  return (
    <Panel title="Errors of the last hour" more={<a href={href("/errors", { span: "1h" })}>All errors</a>}>
      {sources.map((source) => (
        <Severities key={source} source={source} isNamed={sources.length > 1} />
      ))}
    </Panel>
  );
}

function Severities({ source, isNamed }: { source: DeviceSource; isNamed: boolean }) {
  const read = useRead(
    ["errors", "last-hour", source],
    async (signal) => {
      const filter = { source, startTime: timestampFromMs(Math.round(now.peek() - HOUR_MS)) };
      return (await analytics.aggregateErrors({ filter, groupBy: ErrorGrouping.SEVERITY }, { signal })).sums;
    },
    { everyMs: AGAIN_MS },
  );
  return (
    <Read of={read}>
      {(sums) => (
        <div class="stack">
          {isNamed && (
            <div>
              <SourceBadge source={source} />
            </div>
          )}
          <div class={source === DeviceSource.SIMULATED ? "severities tiles-of-simulated" : "severities"}>
            {bySeverity(sums).map(({ name, word, tone, errors }) => (
              <Tile key={name} label={word} value={whole(errors)} tone={tone} href={href("/errors", { severity: name, span: "1h", source: sourceParam(source) })} />
            ))}
          </div>
        </div>
      )}
    </Read>
  );
}
