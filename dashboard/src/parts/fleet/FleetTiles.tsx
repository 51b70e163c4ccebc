import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceStatus, type SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { DEVICE_STATUS, Read, Tile, type Tone } from "~/kit";
import { whole, withStatus } from "./counts";
import { useFleet } from "./useFleet";
import "./fleet.css";

const STATUSES: readonly (readonly [DeviceStatus, Tone])[] = [
  [DeviceStatus.ONLINE, "plain"],
  [DeviceStatus.OFFLINE, "bad"],
  [DeviceStatus.MAINTENANCE, "plain"],
  [DeviceStatus.UNKNOWN, "plain"],
];

export function sourceName(source: DeviceSource): string {
  return source === DeviceSource.SIMULATED ? "Simulated devices" : "Real devices";
}

/** How many devices of one source there are and how they fare, each number with the way to its list. */
export function FleetTiles({ source, siteId = "" }: { source: DeviceSource; siteId?: string }) {
  const fleet = useFleet(source, siteId);
  return (
    <section class="stack" aria-label={sourceName(source)}>
      <h2>{sourceName(source)}</h2>
      <Read of={fleet} rows={2}>
        {(counts) => <Tiles counts={counts} source={source} siteId={siteId} />}
      </Read>
    </section>
  );
}

function Tiles({ counts, source, siteId }: { counts: SummarizeFleetResponse; source: DeviceSource; siteId: string }) {
  const list = (only: Record<string, string> = {}) => href("/devices", { site: siteId, ...only, source: sourceParam(source) });
  return (
    <div class={source === DeviceSource.SIMULATED ? "fleet-tiles tiles-of-simulated" : "fleet-tiles"}>
      <Tile label="Devices" value={whole(counts.total)} href={list()} />
      {STATUSES.map(([status, tone]) => {
        const devices = withStatus(counts, status);
        return <Tile key={status} label={DEVICE_STATUS[status].word} value={whole(devices)} tone={devices > 0 ? tone : "plain"} href={list({ status: DeviceStatus[status] })} />;
      })}
      <Tile label="Shut out" value={whole(counts.inactive)} tone={counts.inactive > 0n ? "warn" : "plain"} href={list({ access: "shut-out" })} />
    </div>
  );
}
