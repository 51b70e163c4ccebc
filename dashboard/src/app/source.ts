/** Real devices, simulated ones, or both: what every list and number of the page is about. Both are never summed. */
import { signal } from "@preact/signals";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";

export type Shown = "real" | "simulated" | "both";

export const shown = signal<Shown>((localStorage.getItem("shown") as Shown | null) ?? "real");
shown.subscribe((value) => localStorage.setItem("shown", value));

/** As a filter of a list: UNSPECIFIED lists both. */
export function sourceFilter(): DeviceSource {
  return { real: DeviceSource.REAL, simulated: DeviceSource.SIMULATED, both: DeviceSource.UNSPECIFIED }[shown.value];
}

/** The sources to count, each by itself. */
export function sourcesShown(): DeviceSource[] {
  return shown.value === "both" ? [DeviceSource.REAL, DeviceSource.SIMULATED] : [sourceFilter()];
}

export function isShown(source: DeviceSource): boolean {
  const filter = sourceFilter();
  return filter === DeviceSource.UNSPECIFIED || filter === source;
}
