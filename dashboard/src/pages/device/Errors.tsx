import { analytics } from "~/api/clients/analytics";
import { usePages } from "~/api/query";
import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import { type ErrorGroup, Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, type Column, Empty, Failed, LinkButton, Loading, Table } from "~/kit";
import { CsvButton } from "~/parts/CsvButton";
import { SeverityBadge } from "~/parts/severity";

const columns: readonly Column<ErrorGroup>[] = [
  { name: "Severity", cell: (row) => <SeverityBadge severity={row.newest?.severity ?? Severity.UNSPECIFIED} /> },
  { name: "Newest message", cell: (row) => <span title={row.newest?.errorMessage}>{row.newest?.errorMessage}</span>, grows: true },
  { name: "Category", cell: (row) => (row.overflow ? "Counted together" : row.newest?.category) },
  { name: "Code", cell: (row) => <span class="mono">{row.newest?.errorCode}</span> },
  { name: "Times", cell: (row) => row.count.toLocaleString("en-GB"), number: true },
  { name: "First", cell: (row) => <Ago time={row.firstSeenAt} /> },
  { name: "Last", cell: (row) => <Ago time={row.lastSeenAt} /> },
];

/** What went wrong in applications on this device, repeats of an hour together. */
export function Errors({ device: { deviceId, source } }: { device: Device }) {
  const pages = usePages(
    ["errors", "device", deviceId],
    async (pageToken, signal) => {
      const answer = await analytics.listErrors({ filter: { deviceId }, pageToken }, { signal });
      return { rows: answer.errors, nextPageToken: answer.nextPageToken };
    },
    { everyMs: 30_000 },
  );
  if (pages.isPending) return <Loading rows={6} />;
  if (pages.error) return <Failed error={pages.error} again={pages.again} />;
  if (pages.rows.length === 0) {
    return (
      <Empty title="No error of this device is kept">
        <p>Applications report their errors through the agent on the device, or by an operator's call that names it. So far none did.</p>
      </Empty>
    );
  }
  return (
    <div class="stack">
      <div class="row spread">
        <LinkButton href={href("/errors", { device: deviceId, source: sourceParam(source) })}>Show them with all their details</LinkButton>
        <CsvButton path="/api/v2/errors" query={{ "filter.device_id": deviceId }} name={`errors of ${deviceId}`} what="all errors of this device" />
      </div>
      <Table label="Errors of this device, newest hour first" columns={columns} rows={pages.rows} rowKey={keyOf} hasMore={pages.hasMore && !pages.isReadingMore} more={pages.more} />
    </div>
  );
}

function keyOf({ newest, firstSeenAt, operator, overflow }: ErrorGroup): string {
  return [firstSeenAt?.seconds, firstSeenAt?.nanos, newest?.category, newest?.severity, newest?.errorCode, newest?.endpoint, operator, overflow].join(" ");
}
