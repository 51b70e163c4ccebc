import { href } from "~/app/route";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, type Column, DeviceStatusBadge, SourceBadge } from "~/kit";

export const columns: readonly Column<Device>[] = [
  { name: "Device", cell: (row) => row.deviceId },
  { name: "Name", cell: (row) => row.name, grows: true },
  { name: "Status", cell: (row) => <DeviceStatusBadge status={row.presence?.status ?? DeviceStatus.UNSPECIFIED} flapping={row.presence?.flapping ?? false} /> },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
  { name: "Type", cell: (row) => row.deviceType },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Last heard", cell: (row) => <Ago time={row.presence?.lastSeenAt} /> },
];
