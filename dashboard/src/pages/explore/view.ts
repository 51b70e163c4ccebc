/** What the address says of this page. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Metric } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { metricsOf } from "~/parts/metrics";
import type { Target } from "~/parts/readSeries";

export const DEVICES_AT_MOST = 10;

export type By = "devices" | "site";

export interface View {
  by: By;
  target: Target;
  metrics: Metric[];
  /** Whether anything is chosen. */
  isAsked: boolean;
}

export function viewOf(address: { by: string; devices: readonly string[]; site: string; metrics: readonly string[] }): View {
  const by: By = address.by === "site" || (address.by === "" && address.site !== "" && address.devices.length === 0) ? "site" : "devices";
  const known = metricsOf(address.metrics);
  const metrics = known.length > 0 ? known : [Metric.CPU_PERCENT];
  const deviceIds = [...new Set(address.devices)].slice(0, DEVICES_AT_MOST);
  if (by === "site") return { by, target: { siteId: address.site, together: true }, metrics, isAsked: address.site !== "" };
  return { by, target: { deviceIds }, metrics, isAsked: deviceIds.length > 0 };
}

/** Named devices are shown whichever they are, each marked; the switch rules what is taken together. */
export function sourceOf(by: By, filter: DeviceSource): DeviceSource {
  return by === "site" ? filter : DeviceSource.UNSPECIFIED;
}
