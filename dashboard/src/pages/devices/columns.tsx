import { href } from "~/app/route";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Badge, type Column, DeviceStatusBadge, SourceBadge } from "~/kit";

export const columns: readonly Column<Device>[] = [
  { name: "Device", cell: (row) => row.deviceId, sort: "id" },
  { name: "Status", cell: (row) => <Status device={row} />, sort: "status" },
  { name: "Name", cell: (row) => <span title={row.name}>{row.name}</span>, grows: true, sort: "name" },
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a>, sort: "site" },
  { name: "Type", cell: (row) => row.deviceType, sort: "type" },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Last heard", cell: (row) => <Ago time={row.presence?.lastSeenAt} />, sort: "last_seen" },
];

function Status({ device }: { device: Device }) {
  const { presence } = device;
  return (
    <span class="device-status">
      <DeviceStatusBadge status={presence?.status ?? DeviceStatus.UNSPECIFIED} flapping={presence?.flapping ?? false} />
      {!device.active && (
        <Badge tone="warn" title="The server refuses all its calls until it is let in again">
          Shut out
        </Badge>
      )}
      {presence?.contestedSince && (
        <Badge tone="bad" title="Two machines use its key and keep taking over each other's session">
          Key used twice
        </Badge>
      )}
    </span>
  );
}
