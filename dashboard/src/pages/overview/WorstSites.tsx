import { href } from "~/app/route";
import { sourceParam, sourcesShown } from "~/app/source";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Meter, Read, SourceBadge } from "~/kit";
import { percent, whole, type WorstSite, worstSites } from "~/parts/fleet/counts";
import { useFleet } from "~/parts/fleet/useFleet";
import { Panel } from "~/parts/Panel";

const SHOWN = 8;

/** The sites with the most devices offline. */
export function WorstSites({ source }: { source: DeviceSource }) {
  const all = useFleet(source);
  const offline = useFleet(source, "", DeviceStatus.OFFLINE);
  const both = { data: all.data && offline.data && worstSites(offline.data.bySite, all.data, SHOWN), error: all.error ?? offline.error };
  const refetch = () => Promise.all([all.refetch(), offline.refetch()]);
  const beside = sourcesShown().length > 1 ? <SourceBadge source={source} /> : <a href={href("/sites")}>All sites</a>;
  return (
    <Panel title="Sites with most devices offline" more={beside}>
      <Read of={{ ...both, refetch }}>
        {(sites) =>
          sites.length === 0 ? (
            <p class="quiet">No site has a device offline.</p>
          ) : (
            <ul class="plain-list">
              {sites.map((site) => (
                <Row key={site.siteId} site={site} source={source} />
              ))}
            </ul>
          )
        }
      </Read>
    </Panel>
  );
}

function Row({ site, source }: { site: WorstSite; source: DeviceSource }) {
  const { siteId, offline, numbers } = site;
  const list = (status = "") => href("/devices", { site: siteId, status, source: sourceParam(source) });
  const online = numbers && percent(numbers.online, numbers.devices);
  return (
    <li class="worst-site">
      <a href={href(`/sites/${encodeURIComponent(siteId)}`)}>{siteId}</a>
      <a class="number" href={list("OFFLINE")}>
        {whole(offline)} offline
      </a>
      {numbers && online !== undefined && (
        <>
          <Meter percent={online} label={`Online at ${siteId}`} tone={online < 50 ? "bad" : online < 90 ? "warn" : "plain"} />
          <span class="quiet small number">
            <a href={list("ONLINE")}>{whole(numbers.online)}</a> of <a href={list()}>{whole(numbers.devices)}</a> online
          </span>
        </>
      )}
    </li>
  );
}
