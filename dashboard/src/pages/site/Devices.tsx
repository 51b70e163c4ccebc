import { registry } from "~/api/clients/registry";
import { useLiveDevices } from "~/api/live";
import { usePages } from "~/api/query";
import { may } from "~/api/session";
import { href, param } from "~/app/route";
import { sourceFilter } from "~/app/source";
import { type Device, DeviceOrder, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Badge, type Column, DeviceStatusBadge, Empty, Failed, LinkButton, Loading, SourceBadge, Table } from "~/kit";

const COLUMNS: readonly Column<Device>[] = [
  { name: "Device", cell: (row) => row.deviceId, sort: "id" },
  { name: "Name", cell: (row) => <span title={row.name}>{row.name}</span>, grows: true, sort: "name" },
  { name: "Status", cell: (row) => <Status device={row} />, sort: "status" },
  { name: "Type", cell: (row) => row.deviceType, sort: "type" },
  { name: "Source", cell: (row) => <SourceBadge source={row.source} /> },
  { name: "Last heard", cell: (row) => <Ago time={row.presence?.lastSeenAt} />, sort: "last_seen" },
];

const ORDERS: Record<string, DeviceOrder> = {
  id: DeviceOrder.ID,
  name: DeviceOrder.NAME,
  status: DeviceOrder.STATUS,
  type: DeviceOrder.TYPE,
  last_seen: DeviceOrder.LAST_SEEN,
};

/** The devices of a site, sorted as the address says. */
export function Devices({ siteId }: { siteId: string }) {
  const sort = param("sort") || "id";
  const filter = { siteId, source: sourceFilter(), orderBy: ORDERS[sort.replace(/^-/, "")] ?? DeviceOrder.ID, descending: sort.startsWith("-") };
  const pages = usePages(["devices", "of-site", filter], async (pageToken, signal) => {
    const answer = await registry.listDevices({ ...filter, pageToken, pageSize: 100 }, { signal });
    return { rows: answer.devices, nextPageToken: answer.nextPageToken };
  });
  const rows = useLiveDevices(pages.rows);
  return (
    <section class="stack" aria-labelledby="site-devices">
      <div class="row spread">
        <h2 id="site-devices">Devices</h2>
        {rows.length > 0 && <a href={href("/devices", { site: siteId })}>Filter, select and command them</a>}
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={5} />
      ) : rows.length === 0 ? (
        !pages.error && <NoDevice siteId={siteId} />
      ) : (
        <Table
          label={`Devices of ${siteId}`}
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.deviceId}
          rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}`)}
          sort={sort}
          hasMore={pages.hasMore}
          more={pages.more}
        />
      )}
    </section>
  );
}

function NoDevice({ siteId }: { siteId: string }) {
  return (
    <Empty title="No device of this kind here">
      <p>The switch at the top chooses between real and simulated devices.</p>
      {may("admin") && <LinkButton href={href("/enrolment", { site: siteId, make: "1" })}>Add a device</LinkButton>}
    </Empty>
  );
}

function Status({ device }: { device: Device }) {
  return (
    <span class="site-device-status">
      <DeviceStatusBadge status={device.presence?.status ?? DeviceStatus.UNSPECIFIED} flapping={device.presence?.flapping ?? false} />
      {!device.active && (
        <Badge tone="warn" title="The server refuses all its calls until it is let in again">
          Shut out
        </Badge>
      )}
    </span>
  );
}
