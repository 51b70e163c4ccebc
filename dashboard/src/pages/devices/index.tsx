import { usePages } from "~/api/query";
import { registry } from "~/api/clients";
import { useLiveDevices } from "~/api/live";
import { href, param, show } from "~/app/route";
import { sourceFilter } from "~/app/source";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Empty, Failed, LinkButton, Loading, Page, SelectField, Table } from "~/kit";
import { columns } from "./columns";

const STATUSES = [
  { value: "", label: "Any status" },
  { value: "ONLINE", label: "Online" },
  { value: "OFFLINE", label: "Offline" },
  { value: "MAINTENANCE", label: "Maintenance" },
  { value: "UNKNOWN", label: "Never seen" },
] as const;

export default function DevicesPage() {
  const filter = {
    siteId: param("site"),
    status: DeviceStatus[param("status") as keyof typeof DeviceStatus] ?? DeviceStatus.UNSPECIFIED,
    labelSelector: param("labels"),
    source: sourceFilter(),
  };
  const pages = usePages(["devices", filter], async (pageToken, signal) => {
    const answer = await registry.listDevices({ ...filter, pageToken, pageSize: pageToken ? 500 : 100 }, { signal });
    return { rows: answer.devices, nextPageToken: answer.nextPageToken };
  });
  const rows = useLiveDevices(pages.rows);
  return (
    <Page title="Devices" lead="Every device that you may see. A number on another page leads here, filtered to exactly that many.">
      <div class="row">
        <SelectField label="Status" value={param("status") as (typeof STATUSES)[number]["value"]} choices={STATUSES} onChange={(status) => show({ status }, "push")} />
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={8} />
      ) : rows.length === 0 ? (
        <Empty title="No device matches">
          <LinkButton href={href("/enrolment")}>Add a device</LinkButton>
        </Empty>
      ) : (
        <Table label="Devices" columns={columns} rows={rows} rowKey={(row) => row.deviceId} rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}`)} hasMore={pages.hasMore} more={pages.more} />
      )}
    </Page>
  );
}
