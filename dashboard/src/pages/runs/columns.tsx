import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Run } from "~/gen/homepot/command/v1/command_pb";
import { Ago, type Column, RunStateBadge, SourceBadge } from "~/kit";
import { shortProgress } from "~/parts/run/progress";
import { RunBar } from "~/parts/run/RunBar";
import { targetWords } from "~/parts/target/words";

export const columns: readonly Column<Run>[] = [
  { name: "Run", cell: (row) => row.commandType },
  { name: "State", cell: (row) => <RunStateBadge state={row.state} reason={row.reason} /> },
  { name: "Progress", cell: (row) => <RunBar progress={row.progress} /> },
  { name: "Devices", cell: (row) => shortProgress(row.progress) },
  { name: "Source", cell: (row) => <TargetSource source={row.target?.source ?? DeviceSource.UNSPECIFIED} /> },
  { name: "Started", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => row.createdBy },
  { name: "For", cell: (row) => row.description || <span class="quiet">{targetWords(row.target)}</span>, grows: true },
];

function TargetSource({ source }: { source: DeviceSource }) {
  return source === DeviceSource.UNSPECIFIED ? <span class="quiet">As named</span> : <SourceBadge source={source} />;
}
