import { href } from "~/app/route";
import type { PreviewRunResponse, RunDevice } from "~/gen/homepot/command/v1/command_pb";
import { type Column, Empty, Failed, Loading, Notice, SourceBadge, Table } from "~/kit";
import { devicesWord, figure } from "~/parts/run/progress";
import type { Preview } from "./usePreview";

const columns: readonly Column<RunDevice>[] = [
  { name: "Device", cell: (row) => row.deviceId },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "What happens", cell: (row) => (row.skipped ? `Skipped${row.reason && `: ${row.reason}`}` : "Gets it"), grows: true },
];

/** Exactly who is reached, as the server says now. */
export function PreviewShown({ preview, isAimed }: { preview: Preview; isAimed: boolean }) {
  return (
    <section class="card stack">
      <h2>Devices</h2>
      {!isAimed ? <p class="quiet">Choose the target above. Every device that the run would reach is then listed here.</p> : <Answer preview={preview} />}
    </section>
  );
}

function Answer({ preview }: { preview: Preview }) {
  if (preview.error && preview.isCurrent) return <Failed error={preview.error} again={preview.again} />;
  if (!preview.numbers) return <Loading rows={4} />;
  if (preview.numbers.devicesTotal === 0) {
    return (
      <Empty title="No device is reached">
        <p>No device of this kind matches. Look at the site, the labels and the source above.</p>
      </Empty>
    );
  }
  return (
    <>
      <p aria-live="polite">{numbersWords(preview.numbers)}</p>
      {preview.numbers.needsFreshSignIn && <Notice>This reaches beyond named devices and one site, so it needs a sign-in that is not older than 15 minutes.</Notice>}
      <Table label="Devices that are reached" columns={columns} rows={preview.devices} rowKey={(row) => row.deviceId} rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}`)} hasMore={preview.hasMore} more={preview.more} />
    </>
  );
}

function numbersWords({ devicesTotal, devicesSkipped, sites }: PreviewRunResponse) {
  return (
    <>
      <strong>{devicesWord(devicesTotal)}</strong> at {sites === 1 ? "1 site" : `${figure(sites)} sites`}
      {devicesSkipped > 0 ? `, of which ${figure(devicesSkipped)} would be skipped, because ${devicesSkipped === 1 ? "it is" : "they are"} shut out or can't do this.` : ", all of which get the command."}
    </>
  );
}
