import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { type Device, DeviceStatus, type StateChange } from "~/gen/homepot/registry/v1/registry_pb";
import { At, type Column, DeviceStatusBadge, Empty, Notice, Read, Table } from "~/kit";
import { ms, now, span as length, zone } from "~/kit/time";
import { CsvButton } from "~/parts/CsvButton";
import { useReread } from "~/parts/reread";
import { rangeOf } from "~/parts/span";
import { SpanPicker, useSpan } from "~/parts/SpanPicker";
import { because } from "./spans";
import { Timeline } from "./Timeline";

const PAGE = 1_000;
const MOST_PAGES = 10;

/** When the device came and went. */
export function Presence({ device: { deviceId } }: { device: Device }) {
  const span = useSpan();
  const range = rangeOf(span, now.value);
  // A span that ends now is read to its end as it moves on: what comes is told by the news.
  const until = "last" in span ? undefined : range.to;
  const read = useRead(["devices", "changes", deviceId, Math.floor(range.from / 3_600_000), until], (signal) => changesWithin(deviceId, range.from, until, signal));
  useReread(({ devices }) => devices.some((device) => device.deviceId === deviceId), () => void read.refetch(), 15_000);
  return (
    <div class="stack">
      <SpanPicker span={span} zone={zone.value}>
        <CsvButton path={`/api/v2/devices/${encodeURIComponent(deviceId)}/state-changes`} query={csvRange(range.from, until)} name={`presence of ${deviceId}`} what="the changes of this time" />
      </SpanPicker>
      <Read of={read} rows={4}>
        {({ changes, isCut }) => (
          <>
            <Timeline changes={changes} {...range} />
            {isCut && <Notice tone="warn">There are more changes than this page reads. The time before the oldest one is drawn as unknown; the CSV file has all changes.</Notice>}
            <Entries changes={changes} {...range} end={until} />
          </>
        )}
      </Read>
    </div>
  );
}

function csvRange(from: number, until: number | undefined): Record<string, string> {
  const start = { page_size: "1000", start_time: new Date(from).toISOString() };
  return until === undefined ? start : { ...start, end_time: new Date(until).toISOString() };
}

/** All entries of the stretch, and the one before, which says how it begins. */
async function changesWithin(deviceId: string, from: number, until: number | undefined, signal: AbortSignal): Promise<{ changes: StateChange[]; isCut: boolean }> {
  const [startTime, endTime] = [timestampFromMs(from), until === undefined ? undefined : timestampFromMs(until)];
  const before = registry.listStateChanges({ deviceId, endTime: startTime, pageSize: 1 }, { signal });
  const changes: StateChange[] = [];
  let pageToken = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await registry.listStateChanges({ deviceId, startTime, endTime, pageSize: PAGE, pageToken }, { signal });
    changes.push(...answer.changes);
    pageToken = answer.nextPageToken;
    if (pageToken === "") return { changes: [...changes, ...(await before).changes], isCut: false };
  }
  return { changes, isCut: true };
}

interface Entry {
  change: StateChange;
  at: number;
  /** When the next one came; left out: none came in this time. */
  until: number | undefined;
  /** When a time that is past ends; left out: it goes on. */
  end: number | undefined;
}

const columns: readonly Column<Entry>[] = [
  { name: "When", cell: ({ change }) => <At time={change.time} /> },
  { name: "Status", cell: ({ change }) => (change.status === DeviceStatus.UNKNOWN ? "Unknown" : <DeviceStatusBadge status={change.status} flapping={change.flapping} />) },
  { name: "Duration", cell: (entry) => duration(entry), number: true },
  { name: "Cause", cell: ({ change }) => <span title={because(change)}>{because(change)}</span>, grows: true },
];

function duration({ at, until, end }: Entry): string {
  if (until !== undefined) return length(until - at);
  return end === undefined ? `${length(now.value - at)} so far` : `${length(end - at)} or more`;
}

function Entries({ changes, from, to, end }: { changes: readonly StateChange[]; from: number; to: number; end: number | undefined }) {
  const entries = changes.map((change, index): Entry => ({ change, at: ms(change.time) ?? 0, until: ms(changes[index - 1]?.time), end }));
  const shown = entries.filter(({ at }) => at >= from && at < to);
  if (shown.length === 0) {
    return (
      <Empty title="Nothing changed in this time">
        <p>{changes.length === 0 ? "The server never heard from this device, or its history is older than 90 days." : "It stayed as it was at the beginning. Choose a longer span to see when that began."}</p>
      </Empty>
    );
  }
  return <Table label="Changes, newest first" columns={columns} rows={shown} rowKey={({ change, at }) => `${at} ${change.cause} ${change.status}`} />;
}
