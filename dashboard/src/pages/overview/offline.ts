/** The devices that went offline last, kept true by news. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";

/** What news told since; `null`: it was removed. */
export type Told = ReadonlyMap<string, Device | null>;

/** Devices that are offline, and changes of those that are listed. Other news leave `told` as it is. */
export function withNews(told: Told, listed: readonly Device[], devices: readonly Device[], removed: readonly string[]): Told {
  const known = new Set([...told.keys(), ...listed.map((device) => device.deviceId)]);
  const these = devices.filter((device) => isOffline(device) || known.has(device.deviceId));
  const gone = removed.filter((id) => known.has(id));
  if (these.length + gone.length === 0) return told;
  // A removal comes before a device of the same id.
  return new Map([...told, ...gone.map((id) => [id, null] as const), ...these.map((device) => [device.deviceId, device] as const)]);
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
