import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Column, Meter } from "~/kit";
import { percent, whole } from "~/parts/fleet/counts";
import type { SiteRow } from "./rows";

export function columnsFor(sources: readonly DeviceSource[]): Column<SiteRow>[] {
  return [
    { name: "Site", cell: ({ site }) => site.siteId, sort: "id" },
    { name: "Name", cell: ({ site }) => <span title={site.description || undefined}>{site.name}</span>, grows: true, sort: "name" },
    ...sources.flatMap((source) => numbersOf(source, sources.length > 1)),
    { name: "Location", cell: ({ site }) => <span class="site-location">{site.location || "–"}</span>, sort: "location" },
  ];
}

function numbersOf(source: DeviceSource, isNamed: boolean): Column<SiteRow>[] {
  const kind = source === DeviceSource.SIMULATED ? "simulated" : "real";
  const link = (row: SiteRow, status: string, count: number) => (
    <a href={href("/devices", { site: row.site.siteId, status, source: sourceParam(source) })}>{whole(count)}</a>
  );
  const untold = <span class="quiet">–</span>;
  return [
    {
      name: isNamed ? `Devices, ${kind}` : "Devices",
      number: true,
      sort: `devices-${source}`,
      cell: (row) => {
        const numbers = row.numbers.get(source);
        return numbers ? link(row, "", numbers.devices) : untold;
      },
    },
    {
      name: isNamed ? `Online, ${kind}` : "Online",
      number: true,
      sort: `online-${source}`,
      cell: (row) => {
        const numbers = row.numbers.get(source);
        if (!numbers) return untold;
        const share = percent(numbers.online, numbers.devices);
        return (
          <span class="site-online">
            {numbers.devices > 0 && <Meter percent={share} label={`Online at ${row.site.siteId}`} tone={share < 50 ? "bad" : share < 90 ? "warn" : "plain"} />}
            {link(row, "ONLINE", numbers.online)}
          </span>
        );
      },
    },
  ];
}
