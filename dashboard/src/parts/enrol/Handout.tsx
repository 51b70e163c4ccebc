import { useState } from "preact/hooks";
import { useNews } from "~/api/live";
import { refresh } from "~/api/query";
import { me } from "~/api/session";
import { href } from "~/app/route";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { CreateEnrollmentTokenResponse, Device, EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, DeviceStatusBadge, Secret, TextField } from "~/kit";
import { counted, whole } from "~/parts/fleet/counts";
import { arrivedBy, withArrivals } from "./arrivals";
import { deviceServer, enrolLine, isThisMachine } from "./line";
import "./enrol.css";

/** A token that was just made: the line to paste with its secret in it, and the devices that come by it. */
export function Handout({ made }: { made: CreateEnrollmentTokenResponse }) {
  const told = me.value?.deviceUrl ?? "";
  const [server, setServer] = useState(deviceServer(told, location));
  const token = made.enrollmentToken;
  if (!token) return null;
  const isSimulated = token.source === DeviceSource.SIMULATED;
  return (
    <div class="stack">
      <p>
        Paste this line on {isSimulated ? "the machine that plays the devices" : "the device"}. The token in it is shown this once: it can’t be read again later, only revoked.
        {isSimulated && " Where another fleet is played already, add --name with a name of its own."}
      </p>
      <Secret label="Line" text={enrolLine({ secret: made.secret, server, siteId: token.siteId, source: token.source, devices: token.maxUses })} />
      <TextField
        label="The server’s address for devices"
        hint={`${told ? TOLD : GUESSED} ${isThisMachine(new URL(deviceServer(told, location)).hostname) ? LOCAL : REMOTE}`}
        value={server}
        onInput={setServer}
      />
      <Arrivals token={token} />
    </div>
  );
}

const TOLD = "The server told this address; its setting HOMEPOT_DEVICE_URL changes it.";
const GUESSED = "The server does not know its address for devices, so this is a guess. Set HOMEPOT_DEVICE_URL on the server, or correct it here.";
const LOCAL = "It works on the server’s own machine only.";
const REMOTE = "If the server’s certificate is from an authority of your own, add --ca-file with its PEM file.";

function Arrivals({ token }: { token: EnrollmentToken }) {
  const [arrived, setArrived] = useState<ReadonlyMap<string, Device>>(new Map());
  useNews(({ devices, removedDeviceIds }) => {
    const these = arrivedBy(token, devices);
    setArrived((known) => {
      if (these.some((device) => !known.has(device.deviceId))) refresh("tokens");
      return withArrivals(known, these, removedDeviceIds);
    });
  });
  const rest = token.maxUses - arrived.size;
  const told =
    arrived.size === 0
      ? `Waiting for the first device of ${token.siteId}. It appears here by itself.`
      : `${counted(arrived.size, "device")} enrolled${rest > 0 ? `; ${whole(rest)} more may use this token.` : "; the token is used up."}`;
  return (
    <div class="arrivals stack">
      <p class="quiet" data-waiting={rest > 0 || undefined} role="status">
        {told}
      </p>
      {[...arrived.values()].map((device) => (
        <div key={device.deviceId} class="row">
          <DeviceStatusBadge status={device.presence?.status ?? DeviceStatus.UNSPECIFIED} />
          <a href={href(`/devices/${encodeURIComponent(device.deviceId)}`)}>{device.name || device.deviceId}</a>
          <span class="quiet">
            enrolled <Ago time={device.createdAt} />
          </span>
        </div>
      ))}
    </div>
  );
}
