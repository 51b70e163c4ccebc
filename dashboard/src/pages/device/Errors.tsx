import { analytics } from "~/api/clients";
import { usePages } from "~/api/query";
import { href } from "~/app/route";
import { type ErrorGroup, Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Badge, type Column, Empty, Failed, LinkButton, Loading, Table, type Tone } from "~/kit";
import { CsvButton } from "~/parts/CsvButton";

const SEVERITIES: Record<Severity, { word: string; tone: Tone }> = {
  [Severity.UNSPECIFIED]: { word: "Not told", tone: "plain" },
  [Severity.CRITICAL]: { word: "Critical", tone: "bad" },
  [Severity.ERROR]: { word: "Error", tone: "bad" },
  [Severity.WARNING]: { word: "Warning", tone: "warn" },
  [Severity.INFO]: { word: "Info", tone: "info" },
};

const columns: readonly Column<ErrorGroup>[] = [
  { name: "Severity", cell: (row) => <SeverityBadge severity={row.newest?.severity ?? Severity.UNSPECIFIED} /> },
  { name: "Newest message", cell: (row) => <span title={row.newest?.errorMessage}>{row.newest?.errorMessage}</span>, grows: true },
  { name: "Category", cell: (row) => (row.overflow ? "More than are told apart" : row.newest?.category) },
  { name: "Code", cell: (row) => <span class="mono">{row.newest?.errorCode}</span> },
  { name: "Times", cell: (row) => row.count.toLocaleString("en-GB"), number: true },
  { name: "First", cell: (row) => <Ago time={row.firstSeenAt} /> },
  { name: "Last", cell: (row) => <Ago time={row.lastSeenAt} /> },
];

function SeverityBadge({ severity }: { severity: Severity }) {
  const { word, tone } = SEVERITIES[severity];
  return <Badge tone={tone}>{word}</Badge>;
}

/** What went wrong in applications on this device, repeats of an hour together. */
export function Errors({ device: { deviceId } }: { device: Device }) {
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
        <LinkButton href={href("/errors", { device: deviceId })}>Show them with all their details</LinkButton>
        <CsvButton path="/api/v2/errors" query={{ "filter.device_id": deviceId }} name={`errors of ${deviceId}`} what="all errors of this device" />
      </div>
      <Table label="Errors of this device, newest hour first" columns={columns} rows={pages.rows} rowKey={keyOf} hasMore={pages.hasMore && !pages.isReadingMore} more={pages.more} />
    </div>
  );
}

function keyOf({ newest, firstSeenAt, operator, overflow }: ErrorGroup): string {
  return [firstSeenAt?.seconds, firstSeenAt?.nanos, newest?.category, newest?.severity, newest?.errorCode, newest?.endpoint, operator, overflow].join(" ");
}
