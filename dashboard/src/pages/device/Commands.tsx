import { commands } from "~/api/clients/commands";
import { useLiveCommands } from "~/api/live";
import { usePages } from "~/api/query";
import { href, paramAll, show } from "~/app/route";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Button, type Column, CommandStateBadge, Empty, Failed, Loading, SelectField, Table } from "~/kit";
import { stateChoices, statesOf } from "~/parts/command/states";
import { useReread } from "~/parts/reread";

const columns: readonly Column<Command>[] = [
  { name: "Command", cell: (row) => row.commandType },
  { name: "State", cell: (row) => <CommandStateBadge state={row.state} reason={row.reason} /> },
  { name: "Why", cell: (row) => <span title={row.reason}>{row.reason}</span>, grows: true },
  { name: "Queued", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => row.createdBy },
  { name: "Ended", cell: (row) => <Ago time={row.finishedAt} never="not yet" /> },
  { name: "Run", cell: (row) => (row.runId ? <a href={href(`/runs/${row.runId}`)}>Its run</a> : <span class="quiet">none</span>) },
];

/** What the device was told, and what came of it. */
export function Commands({ device: { deviceId } }: { device: Device }) {
  const words = paramAll("state");
  const states = statesOf(words);
  const pages = usePages(
    ["commands", "device", deviceId, states],
    async (pageToken, signal) => {
      const answer = await commands.list({ deviceId, states, pageToken }, { signal });
      return { rows: answer.commands, nextPageToken: answer.nextPageToken };
    },
    { keepsPrevious: true },
  );
  const rows = useLiveCommands(pages.rows).filter(({ state }) => pages.isPrevious || states.length === 0 || states.includes(state));
  const known = new Set(pages.rows.map(({ commandId }) => commandId));
  const isNew = (command: Command) => command.deviceId === deviceId && !known.has(command.commandId) && (states.length === 0 || states.includes(command.state));
  useReread(({ commands: told }) => told.some(isNew), pages.again);
  const choice = stateChoices(words);
  return (
    <div class="stack">
      <div class="row">
        <SelectField label="State" value={choice.value} choices={choice.choices} onChange={(state) => show({ state: state.split(" ") }, "push")} />
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending && <Loading rows={6} />}
      {!pages.isPending && !pages.error && rows.length === 0 && (
        <Empty title={states.length === 0 ? "No command was queued for this device yet" : "No command is in this state"}>
          {states.length > 0 && <Button onPress={() => show({ state: "" }, "push")}>Show all commands</Button>}
        </Empty>
      )}
      {rows.length > 0 && (
        <Table label="Commands of this device, newest first" columns={columns} rows={rows} rowKey={(row) => row.commandId} rowHref={(row) => href(`/commands/${row.commandId}`)} hasMore={pages.hasMore && !pages.isReadingMore} more={pages.more} />
      )}
    </div>
  );
}
