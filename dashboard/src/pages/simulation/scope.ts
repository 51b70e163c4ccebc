/** Which simulated devices are to go, as the form has it and as the server wants it. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";

export interface Scope {
  what: "all" | "some";
  sites: ReadonlySet<string>;
  labels: string;
}

export interface Removal {
  siteIds: string[];
  labelSelector: string;
  all: boolean;
}

/** `undefined`: no condition is said yet. "All" stands by itself, so that a condition that got lost never comes to mean everything. */
export function removal({ what, sites, labels }: Scope): Removal | undefined {
  if (what === "all") return { siteIds: [], labelSelector: "", all: true };
  const labelSelector = labels.trim();
  if (sites.size === 0 && labelSelector === "") return undefined;
  return { siteIds: [...sites].sort(), labelSelector, all: false };
}

/** The counts whose sum is what a removal reaches: one for each site, or one of all sites. */
export function counts({ siteIds, labelSelector }: Removal): { siteId: string; labelSelector: string; source: DeviceSource }[] {
  const source = DeviceSource.SIMULATED;
  return siteIds.length === 0 ? [{ siteId: "", labelSelector, source }] : siteIds.map((siteId) => ({ siteId, labelSelector, source }));
}

export function devicesWords(count: number | bigint): string {
  return `${count.toLocaleString("en-GB")} simulated ${Number(count) === 1 ? "device" : "devices"}`;
}
