import { commands } from "~/api/clients/commands";
import { useLiveRuns } from "~/api/live";
import { usePages } from "~/api/query";
import { may } from "~/api/session";
import { href, param, show } from "~/app/route";
import { shown, sourceFilter } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { Button, Empty, Failed, LinkButton, Loading, Page, RUN_STATE, SelectField, Table } from "~/kit";
import { hasEnded } from "~/parts/run/progress";
import { useReread } from "~/parts/reread";
import { columns } from "./columns";

const STATES = [RunState.RUNNING, RunState.PAUSED, RunState.HALTED, RunState.COMPLETED, RunState.CANCELLED] as const;
const CHOICES = [{ value: "", label: "Any state" }, ...STATES.map((state) => ({ value: RunState[state], label: RUN_STATE[state].word }))];

export default function RunsPage() {
  const state = STATES.find((one) => RunState[one] === param("state")) ?? RunState.UNSPECIFIED;
  const filter = { state, source: sourceFilter() };
  const pages = usePages(["runs", "list", filter], async (pageToken, signal) => {
    const answer = await commands.listRuns({ ...filter, pageToken }, { signal });
    return { rows: answer.runs, nextPageToken: answer.nextPageToken };
  });
  const isListed = (run: Run) =>
    (state === RunState.UNSPECIFIED || run.state === state) && (filter.source === DeviceSource.UNSPECIFIED || run.target?.source === filter.source);
  // The rows are kept current by the news; a run that came into the list has no row yet.
  useReread((what) => what.runs.some((run) => isListed(run) && !pages.rows.some((row) => row.runId === run.runId)), pages.again, 2_000);
  const rows = useLiveRuns(pages.rows).filter(isListed);
  return (
    <Page title="Runs" lead="The same command for many devices, some at a time." actions={may("operator") && <NewRun />}>
      <div class="row">
        <SelectField label="State" value={state ? RunState[state] : ""} choices={CHOICES} onChange={(value) => show({ state: value }, "push")} />
      </div>
      {shown.value !== "both" && <p class="quiet small">Runs of named devices that were not bound to real or to simulated ones are shown with “Both, side by side”.</p>}
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={6} />
      ) : rows.length > 0 ? (
        <Table label="Runs" columns={columns} rows={rows} rowKey={(row) => row.runId} rowHref={(row) => href(`/runs/${row.runId}`)} hasMore={pages.hasMore} more={pages.more} />
      ) : pages.error ? null : (
        <NoRuns isFiltered={state !== RunState.UNSPECIFIED} />
      )}
      {rows.length > 0 && rows.every(hasEnded) && <p class="quiet small">No run in this list is under way.</p>}
    </Page>
  );
}

function NewRun() {
  return (
    <LinkButton href={href("/runs/new")} kind="primary">
      New run
    </LinkButton>
  );
}

function NoRuns({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No run is in this state">
        <Button onPress={() => show({ state: "" }, "push")}>Show all runs</Button>
      </Empty>
    );
  }
  return (
    <Empty title="No run was started yet">
      <p>A run queues one command for many devices, a few at a time, and halts by itself when too many fail.</p>
      {may("operator") && <NewRun />}
    </Empty>
  );
}
