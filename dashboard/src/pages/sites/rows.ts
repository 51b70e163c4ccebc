/** Sites with what is counted at them, searched and sorted. */
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Site, SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { bySite, type SiteNumbers } from "~/parts/fleet/counts";

export interface SiteRow {
  site: Site;
  /** Of each source by itself; `undefined`: the site is not among the hundred largest, or nothing was read yet. */
  numbers: ReadonlyMap<DeviceSource, SiteNumbers | undefined>;
}

export function rowsOf(sites: readonly Site[], fleets: ReadonlyMap<DeviceSource, SummarizeFleetResponse | undefined>): SiteRow[] {
  const counts = [...fleets].map(([source, fleet]) => [source, fleet && bySite(fleet)] as const);
  return sites.map((site) => ({ site, numbers: new Map(counts.map(([source, count]) => [source, count?.of(site.siteId)])) }));
}

/** Those whose id, name, location or description holds every word of `search`, whatever its case. */
export function found(rows: readonly SiteRow[], search: string): SiteRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ site }) => {
    const text = `${site.siteId} ${site.name} ${site.location} ${site.description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** `sort` as it stands in the address: `name`, `devices-1` for the devices of source 1, `-…` for the other way. Equals follow by id. */
export function sorted(rows: readonly SiteRow[], sort: string): SiteRow[] {
  const [by = "", source = "0"] = sort.replace(/^-/, "").split("-");
  const sign = sort.startsWith("-") ? -1 : 1;
  const number = (row: SiteRow) => {
    const numbers = row.numbers.get(Number(source));
    return by === "devices" ? (numbers?.devices ?? -1) : (numbers?.online ?? -1);
  };
  const compare: Record<string, (a: SiteRow, b: SiteRow) => number> = {
    name: (a, b) => a.site.name.localeCompare(b.site.name),
    location: (a, b) => a.site.location.localeCompare(b.site.location),
    devices: (a, b) => number(a) - number(b),
    online: (a, b) => number(a) - number(b),
  };
  const order = compare[by] ?? (() => 0);
  const byId = (a: SiteRow, b: SiteRow) => (a.site.siteId < b.site.siteId ? -1 : a.site.siteId > b.site.siteId ? 1 : 0);
  return [...rows].sort((a, b) => sign * (order(a, b) || (by in compare ? 0 : byId(a, b))) || byId(a, b));
}
