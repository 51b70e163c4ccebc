/** What has to be said before a site is removed for good. */
import { History } from "~/gen/homepot/registry/v1/registry_pb";

/** Devices that would go with the site, of each source by itself. */
export interface Counts {
  real: number;
  simulated: number;
}

export interface Said {
  /** The site's id, typed. */
  id: string;
  history: History;
  withDevices: boolean;
  /** How many devices go with it, typed for each source that has more than one. */
  counts: { real: string; simulated: string };
}

export const NOTHING_SAID: Said = { id: "", history: History.UNSPECIFIED, withDevices: false, counts: { real: "", simulated: "" } };

/** The sources of which the count has to be typed: those with more than one device. */
export function toType(counts: Counts): (keyof Counts)[] {
  return (["real", "simulated"] as const).filter((source) => counts[source] > 1);
}

/** Whether enough was said, and it fits what there is. */
export function isReady(siteId: string, counts: Counts, said: Said): boolean {
  const hasDevices = counts.real + counts.simulated > 0;
  const isCounted = toType(counts).every((source) => said.counts[source].replaceAll(",", "").trim() === String(counts[source]));
  return said.id === siteId && said.history !== History.UNSPECIFIED && (!hasDevices || (said.withDevices && isCounted));
}

/** Such as `3 real devices and 1 simulated device`; empty without any. */
export function devicesInWords({ real, simulated }: Counts): string {
  const told = [
    [real, "real"],
    [simulated, "simulated"],
  ] as const;
  return told
    .filter(([count]) => count > 0)
    .map(([count, kind]) => `${count.toLocaleString("en-GB")} ${kind} ${count === 1 ? "device" : "devices"}`)
    .join(" and ");
}
