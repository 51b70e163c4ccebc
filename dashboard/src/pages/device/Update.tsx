import { releases } from "~/api/clients/releases";
import { rollouts } from "~/api/clients/rollouts";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import type { ReleaseFile } from "~/gen/homepot/rollout/v1/release_pb";
import { type GetDeviceUpdateResponse, UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Ago, Badge, type Column, Empty, Facts, Notice, Read, Table, UpdateStateBadge } from "~/kit";
import { Panel } from "~/parts/Panel";
import { useReread } from "~/parts/reread";
import { Digest } from "~/parts/rollout/Digest";
import { MEANS } from "~/parts/rollout/states";
import { type TargetRow, targetRows } from "./targets";

/** How often it is read again: there are no news of what a device says of its targets outside of a rollout. */
const AGAIN_MS = 30_000;

const columns: readonly Column<TargetRow>[] = [
  { name: "Target", cell: (row) => row.target },
  { name: "State", cell: (row) => <TargetState row={row} /> },
  { name: "Has", cell: (row) => <Digest sha256={row.has} /> },
  { name: "Should have", cell: (row) => (row.isTemplate ? <span class="quiet">a template with its values</span> : <Digest sha256={row.should} none="nothing was asked" />) },
  { name: "Counter", cell: (row) => (row.counter === 0n ? <span class="quiet">no release put it there</span> : row.counter.toString()), grows: true },
];

function TargetState({ row }: { row: TargetRow }) {
  if (row.drifted) {
    return (
      <Badge tone="warn" title="It is something else than the last confirmed release put there">
        Drifted
      </Badge>
    );
  }
  if (row.isMissing) return <Badge tone="warn">Unknown to the device</Badge>;
  if (row.isAsAsked) return <Badge tone="good">As it should be</Badge>;
  if (row.should === "") return <Badge>Nothing asked</Badge>;
  return row.isKept ? <Badge tone="bad">Without the release</Badge> : <Badge tone="info">Not yet</Badge>;
}

/** What the device should have, and what it has. */
export function Update({ device: { deviceId } }: { device: Device }) {
  const read = useRead(["rollouts", "device", deviceId], (signal) => rollouts.getDeviceUpdate({ deviceId }, { signal }), { everyMs: AGAIN_MS });
  const releaseId = read.data?.releaseId ?? "";
  const release = useRead(["releases", "one", releaseId], (signal) => releases.getRelease({ releaseId }, { signal }), { enabled: releaseId !== "" });
  // A rollout that begins does not say which devices it has, so that any news of one are reason enough.
  useReread((what) => what.rollouts.length > 0, () => void read.refetch(), 2_000);
  return (
    <Read of={read}>
      {(update) => (
        <div class="stack">
          <Asked update={update} release={release.data?.release} />
          <Targets update={update} files={release.data?.release?.files ?? []} />
        </div>
      )}
    </Read>
  );
}

function Asked({ update, release }: { update: GetDeviceUpdateResponse; release: { name: string; version: string } | undefined }) {
  if (update.generation === 0n) return <Notice>No release was asked of this device yet.</Notice>;
  const needsLook = update.state === UpdateState.ROLLBACK_FAILED;
  return (
    <Panel title="Release" more={<UpdateStateBadge state={update.state} reason={update.reason} />}>
      {needsLook ? <Notice tone="bad">{MEANS[update.state]}</Notice> : <p>{MEANS[update.state]}</p>}
      <Facts
        facts={[
          ["Reason", update.reason],
          ["Release", update.releaseId && <a href={href(`/releases/${update.releaseId}`)}>{release ? `${release.name} ${release.version}` : update.releaseId}</a>],
          ["Rollout", update.rolloutId && <a href={href(`/rollouts/${update.rolloutId}`)}>Its rollout</a>],
        ]}
      />
    </Panel>
  );
}

function Targets({ update, files }: { update: GetDeviceUpdateResponse; files: readonly ReleaseFile[] }) {
  if (update.targets.length === 0) {
    return (
      <Empty title={update.reportedAt ? "The device has no targets" : "The device takes no releases"}>
        <p>A target is a file that releases may replace. It is named in the device’s own configuration, /etc/homepot/agent.toml, beside the trust root. The page “Releases” shows how.</p>
      </Empty>
    );
  }
  const drifted = update.targets.filter((one) => one.drifted).map(({ target }) => target);
  return (
    <>
      {drifted.length > 0 && <Notice tone="warn">Changed by hand, or by another program: {drifted.join(", ")}. The file is something else than the last confirmed release put there.</Notice>}
      {update.driftNotes.map((note) => (
        <Notice key={note} tone="info">
          {note}
        </Notice>
      ))}
      <Panel title="Targets" more={<span class="quiet">as the device said <Ago time={update.reportedAt} /></span>}>
        <Table label="Targets of this device" columns={columns} rows={targetRows(update, files)} rowKey={(row) => row.target} />
      </Panel>
    </>
  );
}
