/** The devices of a filter as the target of a run, where a run can be aimed so. */
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { figure, type Filter, sourceWord } from "./filter";

export type Aim = { params: Record<string, string>; isFleet: boolean } | { why: string };

/** A run is aimed at a site, at labels or at the whole fleet; what else a filter says would be left out, so it is refused. */
export function aim(filter: Filter, source: DeviceSource): Aim {
  const odd = [filter.search && "a search", filter.status && "a status", filter.type && "a type", filter.access && "who is let in"].filter(Boolean);
  if (odd.length > 0) {
    return { why: `A run can be aimed at a site and at labels, but not at ${odd.join(" or ")}.` };
  }
  const isFleet = filter.site === "" && filter.labels === "";
  const where: Record<string, string> = isFleet ? { fleet: "true" } : { site: filter.site, labels: filter.labels };
  return { params: { ...where, source: sourceWord(source) }, isFleet };
}

/** What the button says. A filter that says nothing means everything, and then that is said. */
export function aimWords(devices: bigint, source: DeviceSource, isFleet: boolean): string {
  const many = `${figure(devices)} ${sourceWord(source)}`;
  if (devices === 1n) return `Run a command on ${isFleet ? "the whole fleet: " : ""}the 1 ${sourceWord(source)} device${isFleet ? "" : " that matches"}`;
  return isFleet ? `Run a command on the whole fleet: all ${many} devices` : `Run a command on all ${many} devices that match`;
}
