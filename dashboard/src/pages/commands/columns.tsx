import { href } from "~/app/route";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { Ago, type Column, CommandStateBadge, SourceBadge } from "~/kit";

export const columns: readonly Column<Command>[] = [
  { name: "Command", cell: (row) => row.commandType },
  { name: "State", cell: (row) => <CommandStateBadge state={row.state} reason={row.reason} /> },
  { name: "Device", cell: (row) => <a href={href(`/devices/${encodeURIComponent(row.deviceId)}`)}>{row.deviceId}</a> },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Queued", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => row.createdBy },
  { name: "Run", cell: (row) => (row.runId ? <a href={href(`/runs/${row.runId}`)}>part of a run</a> : <span class="quiet">–</span>) },
  { name: "Why", cell: (row) => <span title={row.reason}>{row.reason}</span>, grows: true },
];
