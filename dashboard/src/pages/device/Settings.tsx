import { useState } from "preact/hooks";
import { may } from "~/api/session";
import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { At, Button, Facts } from "~/kit";
import { durationMs, span } from "~/kit/time";
import { Json } from "~/parts/Json";
import { Panel } from "~/parts/Panel";
import { EditDevice } from "./EditDevice";

/** What operators say of the device, and what it said of itself. */
export function Settings({ device }: { device: Device }) {
  const [isEditing, setEditing] = useState(false);
  const mayEdit = may("operator") && !device.removedAt;
  return (
    <div class="stack">
      <Panel title="Set by operators" more={mayEdit && <Button onPress={() => setEditing(true)}>Edit</Button>}>
        <Facts
          facts={[
            ["Name", device.name],
            ["Type", device.deviceType],
            ["Labels", <Labels device={device} />],
            ["Maintenance", device.maintenance ? "It is marked as under maintenance" : "No"],
          ]}
        />
      </Panel>
      <Record device={device} />
      <Json title="Given at enrolment" value={device.config} none="It gave nothing at its enrolment." />
      {isEditing && <EditDevice device={device} onClose={() => setEditing(false)} />}
    </div>
  );
}

/** Each leads to the devices that have it too. */
function Labels({ device: { labels, source } }: { device: Device }) {
  const all = Object.entries(labels).sort(([one], [other]) => one.localeCompare(other));
  if (all.length === 0) return <span class="quiet">None</span>;
  return (
    <span class="row">
      {all.map(([key, value]) => (
        <a key={key} class="mono" href={href("/devices", { labels: `${key}=${value}`, source: sourceParam(source) })}>
          {key}={value}
        </a>
      ))}
    </span>
  );
}

function Record({ device }: { device: Device }) {
  const { presence } = device;
  const heartbeat = durationMs(presence?.heartbeatInterval);
  const skew = durationMs(presence?.clockSkew);
  return (
    <Panel title="Its record">
      <Facts
        facts={[
          ["Id", <span class="mono">{device.deviceId}</span>],
          ["Site", <a href={href(`/sites/${encodeURIComponent(device.siteId)}`)}>{device.siteId}</a>],
          ["Firmware", device.firmwareVersion],
          ["Agent", presence?.agentVersion],
          ["Network address", device.ipAddress && <span class="mono">{device.ipAddress}</span>],
          ["Hardware address", device.macAddress && <span class="mono">{device.macAddress}</span>],
          ["Commands it knows", presence?.capabilities.join(", ") || "It has not reported them"],
          ["Heartbeat", heartbeat ? `Each ${span(heartbeat)}` : undefined],
          ["Its clock", skew === undefined ? undefined : clockWords(skew)],
          ["Session", presence?.attachedAt ? <>Number {presence.sessionEpoch.toLocaleString("en-GB")}, since <At time={presence.attachedAt} /></> : "Not connected"],
          ["Boot", presence?.bootId && <span class="mono">{presence.bootId}</span>],
          ["Enrolled", <At time={device.createdAt} />],
          ["Record changed", <At time={device.updatedAt} />],
        ]}
      />
    </Panel>
  );
}

function clockWords(skew: number): string {
  if (Math.abs(skew) < 500) return "Right to half a second at its last start";
  return `${span(Math.abs(skew))} ${skew > 0 ? "ahead of" : "behind"} the server's at its last start`;
}
