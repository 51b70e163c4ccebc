/** Which agents are in use, of the devices that were read. */
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";

export interface VersionCount {
  /** Empty: no agent ever attached; the device polls over REST, or was never there. */
  version: string;
  real: number;
  simulated: number;
}

/** Newest first, as far as a version's numbers tell; those without one last. */
export function versions(devices: readonly Device[]): VersionCount[] {
  const counts = new Map<string, VersionCount>();
  for (const { presence, source } of devices) {
    const version = presence?.agentVersion ?? "";
    const count = counts.get(version) ?? { version, real: 0, simulated: 0 };
    counts.set(version, count);
    if (source === DeviceSource.SIMULATED) count.simulated += 1;
    else count.real += 1;
  }
  return [...counts.values()].sort(byVersion);
}

function byVersion(a: VersionCount, b: VersionCount): number {
  if (a.version === "" || b.version === "") return a.version === "" ? 1 : -1;
  return b.version.localeCompare(a.version, "en", { numeric: true });
}
