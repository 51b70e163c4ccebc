import { useRef, useState } from "preact/hooks";
import { analytics } from "~/api/clients/analytics";
import { usePages } from "~/api/query";
import { href } from "~/app/route";
import { sourceFilter } from "~/app/source";
import type { ErrorGroup } from "~/gen/homepot/analytics/v1/analytics_pb";
import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { Ago, type Column, Empty, Failed, Loading, SourceBadge, Table } from "~/kit";
import { now } from "~/kit/time";
import { whole } from "~/parts/fleet/counts";
import { SeverityBadge } from "~/parts/severity";
import type { Span } from "~/parts/span";
import { Details } from "./Details";
import { during } from "~/parts/during";
import type { Filter } from "./filter";

const AGAIN_MS = 60_000;

/** The errors themselves, repeats of an hour in one row. */
export function Groups({ filter, span }: { filter: Filter; span: Span }) {
  const [open, setOpen] = useState<ErrorGroup>();
  const source = sourceFilter();
  // All pages of one reading are of one stretch of time.
  const of = useRef(during(filter, span, source, now.peek()));
  const pages = usePages(
    ["errors", "groups", filter, span, source],
    async (pageToken, signal) => {
      if (pageToken === "") of.current = during(filter, span, source, now.peek());
      const answer = await analytics.listErrors({ filter: of.current, pageToken }, { signal });
      return { rows: answer.errors, nextPageToken: answer.nextPageToken };
    },
    { everyMs: "last" in span ? AGAIN_MS : undefined, keepsPrevious: true },
  );
  if (pages.isPending) return <Loading rows={6} />;
  return (
    <>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.rows.length > 0 ? (
        <Table label="Errors, newest hour first" columns={columns(setOpen)} rows={pages.rows} rowKey={keyOf} hasMore={pages.hasMore && !pages.isReadingMore} more={pages.more} />
      ) : (
        !pages.error && (
          <Empty title="No error in this time">
            <p>Choose a longer span or fewer filters. Applications report errors through the agent, or by “LogError” with an operator's token.</p>
          </Empty>
        )
      )}
      {open && <Details group={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function columns(open: (group: ErrorGroup) => void): readonly Column<ErrorGroup>[] {
  return [
    { name: "Severity", cell: (row) => <SeverityBadge severity={row.newest?.severity ?? Severity.UNSPECIFIED} /> },
    {
      name: "Newest message",
      grows: true,
      cell: (row) => (
        <button type="button" class="errors-open" title={row.newest?.errorMessage} onClick={() => open(row)}>
          {row.newest?.errorMessage}
        </button>
      ),
    },
    { name: "Count", number: true, cell: (row) => whole(row.count) },
    { name: "Category", cell: (row) => (row.overflow ? "Counted together" : row.newest?.category) },
    { name: "Code", cell: (row) => <span class="mono">{row.newest?.errorCode}</span> },
    { name: "First", cell: (row) => <Ago time={row.firstSeenAt} /> },
    { name: "Last", cell: (row) => <Ago time={row.lastSeenAt} /> },
    { name: "Device", cell: (row) => row.deviceId && <a href={href(`/devices/${encodeURIComponent(row.deviceId)}`)}>{row.deviceId}</a> },
    { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  ];
}

function keyOf({ newest, firstSeenAt, deviceId, operator, source }: ErrorGroup): string {
  return [firstSeenAt?.seconds, firstSeenAt?.nanos, newest?.category, newest?.severity, newest?.errorCode, newest?.endpoint, deviceId, operator, source].join(" ");
}
