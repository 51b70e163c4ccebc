/** Sums over what SummarizeFleet counts, and what news change of it. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Device, DeviceStatus, SiteCount, SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";

/** Such as `12,345`. */
export function whole(count: bigint | number): string {
  return count.toLocaleString("en-GB");
}

/** Such as `1 device` and `12,345 devices`. */
export function counted(count: bigint | number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${Number(count) === 1 ? one : many}`;
}

export function withStatus(fleet: SummarizeFleetResponse, status: DeviceStatus): number {
  return Number(fleet.byStatus.find((count) => count.status === status)?.devices ?? 0);
}

export interface SiteNumbers {
  devices: number;
  online: number;
}

/** What is counted at each site. Sites beyond the hundred largest are not told; those without devices have none. */
export function bySite(fleet: SummarizeFleetResponse): { of: (siteId: string) => SiteNumbers | undefined } {
  const known = new Map(fleet.bySite.map((site) => [site.siteId, { devices: Number(site.devices), online: Number(site.online) }]));
  const untold = fleet.sitesLeftOut > 0 ? undefined : { devices: 0, online: 0 };
  return { of: (siteId) => known.get(siteId) ?? untold };
}

export interface WorstSite {
  siteId: string;
  offline: number;
  /** All devices of the site and those of them that are online; `undefined`: the site is not among the hundred largest. */
  numbers: SiteNumbers | undefined;
}

/** The sites with the most devices offline; among equals the one where they are the larger share goes first. */
export function worstSites(offline: readonly SiteCount[], all: SummarizeFleetResponse, limit: number): WorstSite[] {
  const numbers = bySite(all);
  const sites = offline.map((site) => ({ siteId: site.siteId, offline: Number(site.devices), numbers: numbers.of(site.siteId) }));
  const share = (site: WorstSite) => site.offline / (site.numbers?.devices || Infinity);
  return sites
    .filter((site) => site.offline > 0)
    .sort((a, b) => b.offline - a.offline || share(b) - share(a) || a.siteId.localeCompare(b.siteId))
    .slice(0, limit);
}

/** The share of `part`, from 0 to 100. Rounded so that neither none nor all is told where it is not so. */
export function percent(part: number, of: number): number {
  if (of === 0) return 0;
  const rounded = Math.round((100 * part) / of);
  return part > 0 && part < of ? Math.min(99, Math.max(1, rounded)) : rounded;
}

/**
 * Whether totals read at `since`, by the server's clock, may have changed by these news. A stream that begins tells every device,
 * and a heartbeat changes no total: what counts is since when a device fares as it does.
 */
export function changesTotals(devices: readonly Device[], removed: readonly string[], since: number): boolean {
  const isNew = (time: Device["updatedAt"]) => time !== undefined && timestampMs(time) >= since;
  return removed.length > 0 || devices.some((device) => isNew(device.presence?.statusSince) || isNew(device.updatedAt));
}
