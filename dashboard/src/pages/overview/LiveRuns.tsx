import { useRef } from "preact/hooks";
import { commands } from "~/api/clients";
import { useLiveRuns, useNews } from "~/api/live";
import { refresh, useRead } from "~/api/query";
import { href } from "~/app/route";
import { isShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { Ago, Meter, Read, RunStateBadge } from "~/kit";
import { whole } from "~/parts/fleet/counts";
import { Panel } from "~/parts/Panel";

const SHOWN = 20;

/** Runs that go on, and those that wait for somebody because too many devices failed. */
export function LiveRuns() {
  const read = useRead(["runs", "live"], async (signal) => {
    const list = (state: RunState) => commands.listRuns({ state, pageSize: SHOWN }, { signal });
    const [halted, running] = await Promise.all([list(RunState.HALTED), list(RunState.RUNNING)]);
    return [...halted.runs, ...running.runs];
  });
  const runs = useLiveRuns(read.data ?? []);
  const known = useRef<readonly Run[]>([]);
  known.current = runs;
  useNews((news) => {
    const isNew = (run: Run) => isLive(run) && !known.current.some((one) => one.runId === run.runId);
    if (news.runs.some(isNew)) refresh("runs");
  });
  const live = runs.filter((run) => isLive(run) && isOfShown(run));
  return (
    <Panel title="Live runs" more={<a href={href("/runs")}>All runs</a>}>
      <Read of={read}>
        {() =>
          live.length === 0 ? (
            <p class="quiet">No run is under way.</p>
          ) : (
            <ul class="plain-list">
              {live.map((run) => (
                <Row key={run.runId} run={run} />
              ))}
            </ul>
          )
        }
      </Read>
    </Panel>
  );
}

function isLive(run: Run): boolean {
  return run.state === RunState.RUNNING || run.state === RunState.HALTED;
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
      <Meter percent={total === 0 ? 0 : (100 * done) / total} label={`Done of ${run.description || run.commandType}`} tone={failed > 0 ? "warn" : "plain"} />
      <span class="quiet small">
        {whole(done)} of {whole(total)} devices done{failed > 0 && `, ${whole(failed)} of them failed`}
      </span>
    </li>
  );
}
