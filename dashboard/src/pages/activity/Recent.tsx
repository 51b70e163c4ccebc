import { useRef } from "preact/hooks";
import { analytics } from "~/api/clients/analytics";
import { usePages } from "~/api/query";
import { sourceFilter } from "~/app/source";
import type { StoredActivity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { Ago, type Column, Empty, Failed, Loading, SourceBadge, Table } from "~/kit";
import { durationMs, now, span as lengthOf } from "~/kit/time";
import type { Span } from "~/parts/span";
import { during } from "~/parts/during";
import { type Filter, TYPES } from "./filter";

const AGAIN_MS = 60_000;

/** What was done, newest first. */
export function Recent({ filter, span }: { filter: Filter; span: Span }) {
  const source = sourceFilter();
  // All pages of one reading are of one stretch of time.
  const of = useRef(during(filter, span, source, now.peek()));
  const pages = usePages(
    ["activity", "recent", filter, span, source],
    async (pageToken, signal) => {
      if (pageToken === "") of.current = during(filter, span, source, now.peek());
      const answer = await analytics.listActivities({ filter: of.current, pageToken }, { signal });
      return { rows: answer.activities, nextPageToken: answer.nextPageToken };
    },
    { everyMs: "last" in span ? AGAIN_MS : undefined, keepsPrevious: true },
  );
  return (
    <section class="stack">
      <h2>Recent</h2>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={6} />
      ) : pages.rows.length > 0 ? (
        <Table label="Activity, newest first" columns={columns} rows={pages.rows} rowKey={keyOf} hasMore={pages.hasMore && !pages.isReadingMore} more={pages.more} />
      ) : (
        !pages.error && <Empty title="No activity in this time">Choose a longer span or fewer filters.</Empty>
      )}
    </section>
  );
}

const columns: readonly Column<StoredActivity>[] = [
  { name: "When", cell: (row) => <Ago time={row.time} /> },
  { name: "Who", cell: (row) => row.operator },
  { name: "What", cell: (row) => TYPES.find(({ type }) => type === row.activity?.activityType)?.one ?? "Not given" },
  { name: "Page", cell: (row) => <span class="mono">{row.activity?.pageUrl}</span> },
  { name: "With", grows: true, cell: (row) => withWhat(row) },
  { name: "Took", number: true, cell: (row) => took(row) },
  { name: "Visit", cell: (row) => <span class="mono">{row.activity?.sessionId}</span> },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
];

function withWhat({ activity }: StoredActivity) {
  const text = activity?.searchQuery ? `“${activity.searchQuery}”` : (activity?.elementId ?? "");
  return <span title={text}>{text}</span>;
}

function took({ activity }: StoredActivity): string {
  const length = durationMs(activity?.duration);
  return length === undefined ? "–" : lengthOf(length);
}

function keyOf({ time, operator, activity }: StoredActivity): string {
  return [time?.seconds, time?.nanos, operator, activity?.activityType, activity?.sessionId, activity?.elementId].join(" ");
}
