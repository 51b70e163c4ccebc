import type { PageProps } from "~/app/pages";
import { registry } from "~/api/clients/registry";
import { useLiveDevices, useNews } from "~/api/live";
import { refresh, useRead } from "~/api/query";
import { may } from "~/api/session";
import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Empty, Failed, LinkButton, Loading, Page, Tabs } from "~/kit";
import { Charts } from "./Charts";
import { Commands } from "./Commands";
import { Errors } from "./Errors";
import { Actions, Badges, Lead, Warnings } from "./Head";
import { Keys } from "./Keys";
import { Now } from "./Now";
import { Presence } from "./Presence";
import { Settings } from "./Settings";
import { Update } from "./Update";
import "./page.css";

const TABS = [
  { key: "now", name: "Now", View: Now },
  { key: "charts", name: "Charts", View: Charts },
  { key: "presence", name: "Presence", View: Presence },
  { key: "commands", name: "Commands", View: Commands },
  { key: "update", name: "Update", View: Update },
  { key: "errors", name: "Errors", View: Errors },
  { key: "settings", name: "Settings", View: Settings },
  { key: "keys", name: "Keys", View: Keys, who: "operator" },
] as const;

export default function DevicePage({ parts }: PageProps) {
  const deviceId = parts.id ?? "";
  const read = useRead(["devices", "one", deviceId], (signal) => registry.getDevice({ deviceId }, { signal }));
  const [live] = useLiveDevices(read.data?.device ? [read.data.device] : []);
  // Removed with its history kept, it is in no news any more, and can still be read.
  const device = live ?? (read.data?.device?.removedAt ? read.data.device : undefined);
  useNews(({ removedDeviceIds }) => {
    if (removedDeviceIds.includes(deviceId)) refresh("devices");
  });
  if (device) return <Shown device={device} tab={parts.tab ?? "now"} error={read.error} />;
  return (
    <Page title={deviceId} trail={[["Devices", href("/devices")]]}>
      {read.isPending && <Loading rows={6} />}
      {read.error && !read.data && (
        <>
          <Failed error={read.error} again={() => void read.refetch()} />
          <p>
            <a href={href("/devices", { search: deviceId, source: "both" })}>Search for devices whose id contains “{deviceId}”</a>
          </p>
        </>
      )}
      {read.data && (
        <Empty title="This device was removed just now">
          <LinkButton href={href("/devices")}>To the other devices</LinkButton>
        </Empty>
      )}
    </Page>
  );
}

function Shown({ device, tab, error }: { device: Device; tab: string; error: unknown }) {
  const tabs = TABS.filter((one) => !("who" in one) || may(one.who));
  const at = (key: string) => href(`/devices/${encodeURIComponent(device.deviceId)}${key === "now" ? "" : `/${key}`}`);
  const current = tabs.find(({ key }) => key === tab) ?? tabs[0];
  const trail = [
    ["Devices", href("/devices")],
    [device.siteId, href("/devices", { site: device.siteId, source: sourceParam(device.source) })],
  ] as const;
  return (
    <Page title={device.name || device.deviceId} trail={trail} beside={<Badges device={device} />} lead={<Lead device={device} />} actions={<Actions device={device} />}>
      {error ? <Failed error={error} /> : null}
      <Warnings device={device} />
      <Tabs label="Views of this device" tabs={tabs.map(({ key, name }) => ({ key, name, href: at(key) }))} current={current?.key ?? ""} />
      {current && <current.View device={device} />}
    </Page>
  );
}
