import { rollouts } from "~/api/clients/rollouts";
import { usePages } from "~/api/query";
import { href, param, show } from "~/app/route";
import type { RolloutDevice } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Ago, Button, type Column, Empty, Failed, Loading, SelectField, SourceBadge, Table, UpdateStateBadge } from "~/kit";
import { useReread } from "~/parts/reread";
import { MEANS, STATE_CHOICES, statesOf } from "~/parts/rollout/states";

const columns: readonly Column<RolloutDevice>[] = [
  { name: "Device", cell: (row) => row.deviceId },
  { name: "State", cell: (row) => <UpdateStateBadge state={row.state} reason={row.reason} /> },
  { name: "Phase", cell: (row) => (row.phase === 0 ? <span class="quiet">none</span> : row.phase), number: true },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Changed", cell: (row) => <Ago time={row.changedAt} never="not yet" /> },
  { name: "Why", cell: (row) => <Why device={row} />, grows: true },
];

function Why({ device: { state, reason } }: { device: RolloutDevice }) {
  if (reason) return <span title={reason}>{reason}</span>;
  return (
    <span class="quiet" title={MEANS[state]}>
      {MEANS[state]}
    </span>
  );
}

/** The steps of a device between its begin and its end are in no news, so that they are read again from time to time. */
const AGAIN_MS = 15_000;

/** How far each device is. The list is read again when the rollout changed: no news tell of single devices. */
export function Devices({ rolloutId, isMoving }: { rolloutId: string; isMoving: boolean }) {
  const word = param("state");
  const states = statesOf([word]);
  const pages = usePages(
    ["rollouts", "devices", rolloutId, states],
    async (pageToken, signal) => {
      const answer = await rollouts.listRolloutDevices({ rolloutId, states, pageToken, pageSize: pageToken ? 500 : 100 }, { signal });
      return { rows: answer.devices, nextPageToken: answer.nextPageToken };
    },
    { everyMs: isMoving ? AGAIN_MS : undefined },
  );
  useReread((what) => what.rollouts.some((one) => one.rolloutId === rolloutId), pages.again, 2_000);
  return (
    <section class="stack">
      <h2>Devices</h2>
      <div class="row">
        <SelectField label="State" value={states.length > 0 ? word : ""} choices={STATE_CHOICES} onChange={(state) => show({ state }, "push")} />
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={5} />
      ) : pages.rows.length > 0 ? (
        <Table label="Devices of the rollout" columns={columns} rows={pages.rows} rowKey={(row) => row.deviceId} rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}/update`)} hasMore={pages.hasMore} more={pages.more} />
      ) : pages.error ? null : (
        <Empty title="No device of the rollout is in this state">
          <Button onPress={() => show({ state: "" }, "push")}>Show all its devices</Button>
        </Empty>
      )}
    </section>
  );
}
