import { commands } from "~/api/clients/commands";
import { useLiveRuns } from "~/api/live";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import { isShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { Ago, Meter, Read, RunStateBadge } from "~/kit";
import { whole } from "~/parts/fleet/counts";
import { Panel } from "~/parts/Panel";
import { useReread } from "~/parts/reread";

const SHOWN = 20;
const STATES: readonly RunState[] = [RunState.HALTED, RunState.RUNNING];

/** Runs that go on, and those that wait for somebody because too many devices failed. */
export function LiveRuns() {
  const list = (state: RunState, signal: AbortSignal) => commands.listRuns({ state, pageSize: SHOWN }, { signal });
  const read = useRead(["runs", "live"], async (signal) => (await Promise.all(STATES.map((state) => list(state, signal)))).flatMap(({ runs }) => runs));
  const known = read.data ?? [];
  const runs = useLiveRuns(known);
  // The rows are kept current by the news; a run that begins or goes on again has no row yet.
  useReread((what) => what.runs.some((run) => STATES.includes(run.state) && !known.some((row) => row.runId === run.runId)), () => void read.refetch(), 5_000);
  return (
    <Panel title="Live runs" more={<a href={href("/runs")}>All runs</a>}>
      <Read of={read}>
        {() => <Rows runs={runs.filter((run) => STATES.includes(run.state) && isOfShown(run))} />}
      </Read>
    </Panel>
  );
}

function Rows({ runs }: { runs: readonly Run[] }) {
  if (runs.length === 0) return <p class="quiet">No run is under way.</p>;
  return (
    <ul class="plain-list">
      {runs.map((run) => (
        <Row key={run.runId} run={run} />
      ))}
    </ul>
  );
}

/** A run of named devices may reach both real and simulated ones. */
function isOfShown(run: Run): boolean {
  const source = run.target?.source ?? DeviceSource.UNSPECIFIED;
  return source === DeviceSource.UNSPECIFIED || isShown(source);
}

function Row({ run }: { run: Run }) {
  const { total = 0, succeeded = 0, failed = 0, cancelled = 0, skipped = 0 } = run.progress ?? {};
  const done = succeeded + failed + cancelled + skipped;
  return (
    <li class="live-run">
      <div class="row spread">
        <span class="row">
          <RunStateBadge state={run.state} reason={run.reason} />
          <a href={href(`/runs/${run.runId}`)}>{run.description || run.commandType}</a>
        </span>
        <span class="quiet small">
          by {run.createdBy}, <Ago time={run.createdAt} />
        </span>
      </div>
      <Meter percent={total === 0 ? 0 : (100 * done) / total} label={`Progress of ${run.description || run.commandType}`} tone={failed > 0 ? "warn" : "plain"} />
      <span class="quiet small">
        {whole(done)} of {whole(total)} devices done{failed > 0 && `, ${whole(failed)} of them failed`}
      </span>
    </li>
  );
}
