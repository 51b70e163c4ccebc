import { href } from "~/app/route";
import type { PlannedDevice } from "~/gen/homepot/rollout/v1/rollout_pb";
import { type Column, Empty, Failed, Loading, Notice, SourceBadge, Table } from "~/kit";
import { Digest } from "~/parts/rollout/Digest";
import { devicesWord } from "~/parts/run/progress";
import type { Plan } from "./usePlan";
import { numbersWords, valueWords } from "./words";

const columns: readonly Column<PlannedDevice>[] = [
  { name: "Device", cell: (row) => row.deviceId },
  { name: "Phase", cell: (row) => (row.phase === 0 ? <span class="quiet">none</span> : row.phase), number: true },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "What changes", cell: (row) => <Changes device={row} />, grows: true },
  { name: "Values", cell: (row) => row.values.map(valueWords).join(", ") },
];

function Changes({ device: { reason, changes } }: { device: PlannedDevice }) {
  if (reason) return <span title={reason}>{`Skipped: ${reason}`}</span>;
  if (changes.length === 0) return <span class="quiet">Nothing: it has the release</span>;
  return (
    <>
      {changes.map(({ target, fromSha256, toSha256 }, place) => (
        <span key={target}>
          {place > 0 && ", "}
          {target}: <Digest sha256={fromSha256} /> → <Digest sha256={toSha256} />
        </span>
      ))}
    </>
  );
}

/** What would change, device by device, as the server says now. */
export function PlanShown({ plan, isAimed }: { plan: Plan; isAimed: boolean }) {
  return (
    <section class="card stack">
      <h2>Plan</h2>
      {!isAimed ? <p class="quiet">Choose the release and the target. What would change on each device is then listed here.</p> : <Answer plan={plan} />}
    </section>
  );
}

function Answer({ plan }: { plan: Plan }) {
  if (plan.error && plan.isCurrent) return <Failed error={plan.error} again={plan.again} />;
  if (!plan.numbers) return <Loading rows={4} />;
  if (plan.numbers.devicesTotal === 0) {
    return (
      <Empty title="No device is reached">
        <p>No device of this kind matches. Look at the site, the labels and the source of the target.</p>
      </Empty>
    );
  }
  return (
    <>
      <p aria-live="polite">
        <strong>{devicesWord(plan.numbers.devicesTotal)}</strong>
        {numbersWords(plan.numbers)}
      </p>
      {plan.numbers.needsFreshSignIn && <Notice>This reaches beyond named devices and one site, so it needs a sign-in that is not older than 15 minutes.</Notice>}
      <Table label="What would change on each device" columns={columns} rows={plan.devices} rowKey={(row) => row.deviceId} rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}/update`)} hasMore={plan.hasMore} more={plan.more} />
    </>
  );
}
