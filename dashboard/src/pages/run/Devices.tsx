import { useEffect, useRef, useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { news } from "~/api/news";
import { usePages } from "~/api/query";
import { href, paramAll, show } from "~/app/route";
import { type Command, CommandState, type RunDevice } from "~/gen/homepot/command/v1/command_pb";
import { Button, type Column, CommandStateBadge, Empty, Failed, Loading, SelectField, SourceBadge, Table } from "~/kit";
import { useReread } from "~/parts/reread";
import { withNews } from "./merge";
import { isNarrowed, outcomeChoices, outcomesOf } from "./outcomes";

const columns: readonly Column<RunDevice>[] = [
  { name: "Device", cell: (row) => row.deviceId },
  { name: "State", cell: (row) => <Where device={row} /> },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Command", cell: (row) => (row.commandId ? <a href={href(`/commands/${row.commandId}`)}>look at it</a> : <span class="quiet">{row.skipped ? "none" : "none yet"}</span>) },
  { name: "Why", cell: (row) => <span title={row.reason}>{row.reason}</span>, grows: true },
];

function Where({ device }: { device: RunDevice }) {
  if (device.skipped) return <span class="badge">Skipped</span>;
  if (device.state === CommandState.UNSPECIFIED) return <span class="badge">Waiting</span>;
  return <CommandStateBadge state={device.state} reason={device.reason} />;
}

/** What came of it on each device. `skipped` of the run tells of devices that were left out, which no news of commands do. */
export function Devices({ runId, skipped }: { runId: string; skipped: number }) {
  const outcomes = outcomesOf(paramAll("state"));
  const choice = outcomeChoices(paramAll("state"));
  const pages = usePages(["runs", "devices", runId, outcomes], async (pageToken, signal) => {
    const answer = await commands.listRunDevices({ runId, ...outcomes, pageToken, pageSize: pageToken ? 500 : 100 }, { signal });
    return { rows: answer.devices, nextPageToken: answer.nextPageToken };
  });
  const heard = useHeardOf(runId);
  // A filter may let in devices that are not read yet, so that it is read again; without one the news suffice.
  useReread((what) => isNarrowed(outcomes) && what.commands.some((command) => command.runId === runId), pages.again, 5_000);
  const skippedBefore = useRef(skipped);
  useEffect(() => {
    if (skippedBefore.current !== skipped) pages.again();
    skippedBefore.current = skipped;
  }, [skipped]);
  const rows = withNews(pages.rows, heard, outcomes);
  return (
    <section class="stack">
      <h2>Devices</h2>
      <div class="row">
        <SelectField label="Outcome" value={choice.value} choices={choice.choices} onChange={(value) => show({ state: value.split(" ") }, "push")} />
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={5} />
      ) : rows.length > 0 ? (
        <Table label="Devices of the run" columns={columns} rows={rows} rowKey={(row) => row.deviceId} rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}`)} hasMore={pages.hasMore} more={pages.more} />
      ) : pages.error ? null : (
        <Empty title="No device of the run is in this state">
          <Button onPress={() => show({ state: "" }, "push")}>Show all its devices</Button>
        </Empty>
      )}
    </section>
  );
}

/** The commands of the run that the news told of, by device. */
function useHeardOf(runId: string): ReadonlyMap<string, Command> {
  const [heard, setHeard] = useState<ReadonlyMap<string, Command>>(new Map());
  useEffect(() => {
    setHeard(new Map());
    return news.hear((what) => {
      const these = what.commands.filter((command) => command.runId === runId);
      if (these.length > 0) setHeard((before) => new Map([...before, ...these.map((command) => [command.deviceId, command] as const)]));
    });
  }, [runId]);
  return heard;
}
