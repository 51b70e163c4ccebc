import { useState } from "preact/hooks";
import { useNews } from "~/api/live";
import { refresh } from "~/api/query";
import { href } from "~/app/route";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { CreateEnrollmentTokenResponse, Device, EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, DeviceStatusBadge, Secret, TextField } from "~/kit";
import { counted, whole } from "~/parts/fleet/counts";
import { arrivedBy, withArrivals } from "./arrivals";
import { enrolLine, guessedServer, isThisMachine } from "./line";
import "./enrol.css";

/** A token that was just made: the line to paste with its secret in it, and the devices that come by it. */
export function Handout({ made }: { made: CreateEnrollmentTokenResponse }) {
  const [server, setServer] = useState(guessedServer(location));
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
        hint={isThisMachine(location.hostname) ? `${GUESS} ${LOCAL}` : `${GUESS} ${REMOTE}`}
        value={server}
        onInput={setServer}
      />
      <Arrivals token={token} />
    </div>
  );
}

const GUESS = "Guessed from the address of this page and the usual port 50051: adapt it where your server listens elsewhere.";
const LOCAL = "As it is, it works on this machine only; for a device elsewhere put the server’s name and https.";
const REMOTE = "Where the certificate is from an authority of your own, add --ca-file with its PEM file.";

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
