import { registry } from "~/api/clients";
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
  const read = useRead(["devices", "changes", deviceId, Math.floor(range.from / 3_600_000)], (signal) => changesSince(deviceId, range.from, signal));
  useReread(({ devices }) => devices.some((device) => device.deviceId === deviceId), () => void read.refetch(), 15_000);
  return (
    <div class="stack">
      <SpanPicker span={span} zone={zone.value}>
        <CsvButton path={`/api/v2/devices/${encodeURIComponent(deviceId)}/state-changes`} query={{ page_size: "1000" }} name={`presence of ${deviceId}`} what="the whole history" />
      </SpanPicker>
      <Read of={read} rows={4}>
        {({ changes, isCut }) => (
          <>
            <Timeline changes={changes} {...range} />
            {isCut && <Notice tone="warn">There are more changes than this page reads; what lies before the oldest is drawn as unknown. The CSV file has all.</Notice>}
            <Entries changes={changes} {...range} />
          </>
        )}
      </Read>
    </div>
  );
}

/** All entries of the stretch, and the one before, which says how it begins. */
async function changesSince(deviceId: string, from: number, signal: AbortSignal): Promise<{ changes: StateChange[]; isCut: boolean }> {
  const changes: StateChange[] = [];
  let pageToken = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await registry.listStateChanges({ deviceId, pageSize: PAGE, pageToken }, { signal });
    changes.push(...answer.changes);
    pageToken = answer.nextPageToken;
    const oldest = ms(changes.at(-1)?.time) ?? from;
    if (pageToken === "" || oldest < from) return { changes, isCut: false };
  }
  return { changes, isCut: true };
}

interface Entry {
  change: StateChange;
  at: number;
  /** When the next one came; left out: it is the newest. */
  until: number | undefined;
}

const columns: readonly Column<Entry>[] = [
  { name: "When", cell: ({ change }) => <At time={change.time} /> },
  { name: "From then on", cell: ({ change }) => (change.status === DeviceStatus.UNKNOWN ? "Unknown" : <DeviceStatusBadge status={change.status} flapping={change.flapping} />) },
  { name: "For", cell: ({ at, until }) => (until === undefined ? <span>{length(now.value - at)} so far</span> : length(until - at)), number: true },
  { name: "Because", cell: ({ change }) => <span title={because(change)}>{because(change)}</span>, grows: true },
];

function Entries({ changes, from, to }: { changes: readonly StateChange[]; from: number; to: number }) {
  const entries = changes.map((change, index): Entry => ({ change, at: ms(change.time) ?? 0, until: ms(changes[index - 1]?.time) }));
  const shown = entries.filter(({ at }) => at >= from && at < to);
  if (shown.length === 0) {
    return (
      <Empty title="Nothing changed in this time">
        <p>{changes.length === 0 ? "The device was never heard of, or its history is older than 90 days." : "It stayed as it was at the beginning. Choose a longer span to see when that began."}</p>
      </Empty>
    );
  }
  return <Table label="Changes, newest first" columns={columns} rows={shown} rowKey={({ change, at }) => `${at} ${change.cause} ${change.status}`} />;
}
