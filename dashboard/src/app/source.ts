/** Real devices, simulated ones, or both: what every list and number of the page is about. Both are never summed. */
import { computed, signal } from "@preact/signals";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { param, show } from "./route";

export type Shown = "real" | "simulated" | "both";

const SHOWN: readonly string[] = ["real", "simulated", "both"] satisfies Shown[];

const kept = signal<Shown>((localStorage.getItem("shown") as Shown | null) ?? "real");
kept.subscribe((value) => localStorage.setItem("shown", value));

/** `source` of the address goes before what was chosen, so that a number's link and a shared one show what they say. */
export const shown = computed(() => {
  const named = param("source");
  return SHOWN.includes(named) ? (named as Shown) : kept.value;
});

/** What the switch in the head does. */
export function choose(value: Shown): void {
  kept.value = value;
  show({ source: value });
}

/** Writes into the address whose devices it shows, where it does not say so: whoever gets the link may have chosen others. */
export function nameSource(): void {
  if (!SHOWN.includes(param("source"))) show({ source: kept.value });
}

/** As `source` of an address, for a link to what a number counts. */
export function sourceParam(source: DeviceSource): Shown {
  return source === DeviceSource.SIMULATED ? "simulated" : source === DeviceSource.REAL ? "real" : "both";
}

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
