import { useEffect, useRef, useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useNews } from "~/api/live";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import { isShown, sourceFilter } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceOrder, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, DeviceStatusBadge, Read, SourceBadge } from "~/kit";
import { Panel } from "~/parts/Panel";
import { lastOffline, type Told, withNews } from "./offline";

const SHOWN = 8;

export function WentOffline() {
  const source = sourceFilter();
  const read = useRead(["devices", "went-offline", source], async (signal) => {
    const filter = { source, status: DeviceStatus.OFFLINE, orderBy: DeviceOrder.LAST_SEEN, descending: true, pageSize: 50 };
    return (await registry.listDevices(filter, { signal })).devices;
  });
  const listed = useRef<readonly Device[]>([]);
  listed.current = read.data ?? [];
  const [told, setTold] = useState<Told>(new Map());
  useEffect(() => setTold(new Map()), [source]);
  useNews(({ devices, removedDeviceIds }) => setTold((before) => withNews(before, listed.current, devices, removedDeviceIds)));
  return (
    <Panel title="Went offline last" more={<a href={href("/devices", { status: "OFFLINE", sort: "-last_seen" })}>All that are offline</a>}>
      <Read of={read}>{(rows) => <Rows devices={lastOffline(rows, told, isShown, SHOWN)} isMixed={source === DeviceSource.UNSPECIFIED} />}</Read>
    </Panel>
  );
}

function Rows({ devices, isMixed }: { devices: readonly Device[]; isMixed: boolean }) {
  if (devices.length === 0) return <p class="quiet">No device is offline.</p>;
  return (
    <ul class="plain-list">
      {devices.map((device) => (
        <li key={device.deviceId} class="went-offline">
          <a href={href(`/devices/${encodeURIComponent(device.deviceId)}`)} title={device.deviceId}>
            {device.name || device.deviceId}
          </a>
          {device.presence?.flapping && <DeviceStatusBadge status={DeviceStatus.OFFLINE} flapping />}
          {isMixed && <SourceBadge source={device.source} />}
          <span class="quiet small">
            {device.siteId} · <Ago time={device.presence?.statusSince} />
          </span>
        </li>
      ))}
    </ul>
  );
}
