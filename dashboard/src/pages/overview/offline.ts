/** The devices that went offline last, kept true by news. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";

/** What news told since; `null`: it was removed. */
export type Told = ReadonlyMap<string, Device | null>;

/** So many are kept: more than are shown, as some come back, and no more in a page that is open for days. */
const MOST_TOLD = 200;

/** Devices that are offline, and changes of those that are listed. Other news leave `told` as it is. */
export function withNews(told: Told, listed: readonly Device[], devices: readonly Device[], removed: readonly string[]): Told {
  const read = new Set(listed.map((device) => device.deviceId));
  const these = devices.filter((device) => isOffline(device) || read.has(device.deviceId) || told.has(device.deviceId));
  const gone = removed.filter((id) => read.has(id) || told.has(id));
  if (these.length + gone.length === 0) return told;
  const next = new Map(told);
  // What was read is outdone by what was told; of other devices only those that are offline count.
  const keep = (id: string, device: Device | null) => {
    next.delete(id);
    if (read.has(id) || (device && isOffline(device))) next.set(id, device);
  };
  // A removal comes before a device of the same id.
  for (const id of gone) keep(id, null);
  for (const device of these) keep(device.deviceId, device);
  return newest(next, read);
}

/** Without those that were told longest ago, as far as they are too many and were not read. */
function newest(told: Map<string, Device | null>, read: ReadonlySet<string>): Told {
  let tooMany = told.size - read.size - MOST_TOLD;
  for (const id of told.keys()) {
    if (tooMany <= 0) break;
    if (read.has(id)) continue;
    told.delete(id);
    tooMany -= 1;
  }
  return told;
}

/** Of what was read and told, the devices that are offline, the latest first. */
export function lastOffline(listed: readonly Device[], told: Told, isWanted: (source: DeviceSource) => boolean, limit: number): Device[] {
  const all = new Map<string, Device | null>(listed.map((device) => [device.deviceId, device]));
  for (const [id, device] of told) if (!device || since(device) >= since(all.get(id))) all.set(id, device);
  return [...all.values()]
    .filter((device) => device !== null)
    .filter((device) => isOffline(device) && isWanted(device.source))
    .sort((a, b) => since(b) - since(a) || a.deviceId.localeCompare(b.deviceId))
    .slice(0, limit);
}

function isOffline(device: Device): boolean {
  return device.presence?.status === DeviceStatus.OFFLINE;
}

function since(device: Device | null | undefined): number {
  const time = device?.presence?.statusSince;
  return time ? timestampMs(time) : 0;
}
