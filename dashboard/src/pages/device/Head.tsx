import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { may } from "~/api/session";
import { href } from "~/app/route";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, At, Badge, Button, DEVICE_STATUS, DeviceStatusBadge, Notice, SourceBadge, toast } from "~/kit";
import { ms, now, span } from "~/kit/time";
import { NewCommand } from "./NewCommand";

export function Badges({ device }: { device: Device }) {
  return (
    <>
      <DeviceStatusBadge status={device.presence?.status ?? DeviceStatus.UNSPECIFIED} flapping={device.presence?.flapping ?? false} />
      <SourceBadge source={device.source} />
      {!device.active && !device.removedAt && <Badge tone="warn">Shut out</Badge>}
    </>
  );
}

/** Who it is, how long it has been so, and when it was last heard. */
export function Lead({ device }: { device: Device }) {
  const since = ms(device.presence?.statusSince);
  const word = DEVICE_STATUS[device.presence?.status ?? DeviceStatus.UNSPECIFIED].word.toLowerCase();
  return (
    <>
      <span class="mono">{device.deviceId}</span>, {device.deviceType}, at <a href={href(`/sites/${encodeURIComponent(device.siteId)}`)}>{device.siteId}</a>
      {since !== undefined && ` · ${word} for ${span(now.value - since)}`} · last heard <Ago time={device.presence?.lastSeenAt} />
    </>
  );
}

/** What has to be known before anything else is believed. */
export function Warnings({ device }: { device: Device }) {
  const { presence } = device;
  if (device.removedAt) {
    return (
      <Notice tone="warn">
        This device was removed on <At time={device.removedAt} />. What is shown is its history, which is kept until its retention ends.
      </Notice>
    );
  }
  return (
    <>
      {device.source === DeviceSource.SIMULATED && <p class="quiet small">A simulator plays this device: there is no machine behind it, so its figures are made up and a reboot restarts nothing.</p>}
      {!device.active && <Notice tone="warn">This device is shut out: the server refuses all its calls, and it gets no commands, until it is let in again under Keys.</Notice>}
      {presence?.contestedSince && (
        <Notice tone="bad">
          Two machines have been using this device's key since <At time={presence.contestedSince} />, and keep taking over each other's session. Revoke its keys and enrol the right machine again.
        </Notice>
      )}
    </>
  );
}

/** Only what the caller may do, and what this device can be told. */
export function Actions({ device }: { device: Device }) {
  const [isAsking, setAsking] = useState(false);
  if (!may("operator") || device.removedAt) return null;
  return (
    <>
      <MaintenanceButton device={device} />
      {device.active && (
        <Button kind="primary" onPress={() => setAsking(true)}>
          New command
        </Button>
      )}
      {isAsking && <NewCommand device={device} onClose={() => setAsking(false)} />}
    </>
  );
}

function MaintenanceButton({ device: { deviceId, maintenance } }: { device: Device }) {
  const change = useChange(
    (is: boolean) => registry.updateDevice({ deviceId, maintenance: is }),
    ["devices"],
    ({ device }) => toast(device?.maintenance ? "It is marked as under maintenance." : "Its maintenance is over."),
  );
  const press = () => change.mutate(!maintenance, { onError: (error) => toast(problem(error).message, "bad") });
  return (
    <Button busy={change.isPending} onPress={press}>
      {maintenance ? "End maintenance" : "Mark as under maintenance"}
    </Button>
  );
}
