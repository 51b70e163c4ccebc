import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Rollout } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Ago, type Column, RolloutStateBadge, SourceBadge } from "~/kit";
import { phaseWords } from "~/parts/rollout/progress";
import { RolloutBar } from "~/parts/rollout/RolloutBar";
import { shortProgress } from "~/parts/run/progress";
import { targetWords } from "~/parts/target/words";

export const columns: readonly Column<Rollout>[] = [
  { name: "Release", cell: (row) => `${row.releaseName} ${row.releaseVersion}` },
  { name: "State", cell: (row) => <RolloutStateBadge state={row.state} reason={row.reason} /> },
  { name: "Phase", cell: (row) => phaseWords(row) },
  { name: "Progress", cell: (row) => <RolloutBar progress={row.progress} /> },
  { name: "Devices", cell: (row) => shortProgress(row.progress) },
  { name: "Source", cell: (row) => <TargetSource source={row.target?.source ?? DeviceSource.UNSPECIFIED} /> },
  { name: "Started", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => (row.mendsDrift ? "the server" : row.createdBy) },
  { name: "For", cell: (row) => row.description || <span class="quiet">{targetWords(row.target)}</span>, grows: true },
];

function TargetSource({ source }: { source: DeviceSource }) {
  return source === DeviceSource.UNSPECIFIED ? <span class="quiet">As named</span> : <SourceBadge source={source} />;
}
