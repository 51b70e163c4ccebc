import { href } from "~/app/route";
import type { DeviceTypeCount, SiteCount, SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { type Column, Table } from "~/kit";
import { Panel } from "~/parts/Panel";

/** To the list of exactly those: the address says that it is of simulated devices. */
function devices(values: Record<string, string> = {}): string {
  return href("/devices", { source: "simulated", ...values });
}

const TYPES: readonly Column<DeviceTypeCount>[] = [
  { name: "Type", cell: (row) => row.deviceType, grows: true },
  { name: "Devices", number: true, cell: (row) => <a href={devices({ type: row.deviceType })}>{row.devices.toLocaleString("en-GB")}</a> },
];

const SITES: readonly Column<SiteCount>[] = [
  { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`, { source: "simulated" })}>{row.siteId}</a>, grows: true },
  { name: "Devices", number: true, cell: (row) => <a href={devices({ site: row.siteId })}>{row.devices.toLocaleString("en-GB")}</a> },
  { name: "Online", number: true, cell: (row) => <a href={devices({ site: row.siteId, status: "ONLINE" })}>{row.online.toLocaleString("en-GB")}</a> },
];

export function TypesAndSites({ summary }: { summary: SummarizeFleetResponse }) {
  return (
    <div class="simulation-tables">
      <Panel title="By site">
        <Table label="Simulated devices by site" columns={SITES} rows={summary.bySite} rowKey={(row) => row.siteId} />
        <LeftOut count={summary.sitesLeftOut} what="sites" />
      </Panel>
      <Panel title="By type">
        <Table label="Simulated devices by type" columns={TYPES} rows={summary.byDeviceType} rowKey={(row) => row.deviceType} />
        <LeftOut count={summary.deviceTypesLeftOut} what="types" />
      </Panel>
    </div>
  );
}

function LeftOut({ count, what }: { count: number; what: string }) {
  if (count === 0) return null;
  return (
    <p class="quiet small">
      {count} more {what} with fewer devices are left out.
    </p>
  );
}
