import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Meter, Read, SourceBadge } from "~/kit";
import { percent, whole, type WorstSite, worstSites } from "~/parts/fleet/counts";
import { useFleet } from "~/parts/fleet/useFleet";
import { Panel } from "~/parts/Panel";

const SHOWN = 8;

/** The sites with the most devices offline, of each source by itself. */
export function WorstSites({ sources }: { sources: readonly DeviceSource[] }) {
  return (
    <Panel title="Sites with most devices offline" more={<a href={href("/sites")}>All sites</a>}>
      {sources.map((source) => (
        <Worst key={source} source={source} isNamed={sources.length > 1} />
      ))}
    </Panel>
  );
}

function Worst({ source, isNamed }: { source: DeviceSource; isNamed: boolean }) {
  const all = useFleet(source);
  const offline = useFleet(source, "", DeviceStatus.OFFLINE);
  const data = all.data && offline.data && worstSites(offline.data.bySite, all.data, SHOWN);
  const refetch = () => Promise.all([all.refetch(), offline.refetch()]);
  return (
    <Read of={{ data, error: all.error ?? offline.error, refetch }}>
      {(sites) => (
        <div class="stack">
          {isNamed && (
            <div>
              <SourceBadge source={source} />
            </div>
          )}
          {sites.length === 0 ? (
            <p class="quiet">No site has a device offline.</p>
          ) : (
            <ul class="plain-list">
              {sites.map((site) => (
                <Row key={site.siteId} site={site} source={source} />
              ))}
            </ul>
          )}
        </div>
      )}
    </Read>
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
