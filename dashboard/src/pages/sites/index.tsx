import { useEffect, useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { usePages } from "~/api/query";
import { may } from "~/api/session";
import { go, href, param, show } from "~/app/route";
import { sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Button, Empty, Failed, Loading, Page, Table, TextField, toast } from "~/kit";
import { counted } from "~/parts/fleet/counts";
import { useFleet, useFleetNews } from "~/parts/fleet/useFleet";
import { SiteDialog } from "~/parts/site/SiteDialog";
import { columnsFor } from "./columns";
import { found, rowsOf, sorted } from "./rows";
import "./page.css";

const siteHref = (siteId: string) => `/sites/${encodeURIComponent(siteId)}`;

export default function SitesPage() {
  const [isMaking, setMaking] = useState(false);
  const make = may("fleet admin") && (
    <Button kind="primary" onPress={() => setMaking(true)}>
      Make a site
    </Button>
  );
  return (
    <Page title="Sites" lead="The shops, offices and data centres that your devices belong to." actions={make || undefined}>
      <Sites make={make} />
      {isMaking && (
        <SiteDialog
          onClose={() => setMaking(false)}
          onDone={(site) => {
            toast(`Site ${site.siteId} made.`);
            go(siteHref(site.siteId));
          }}
        />
      )}
    </Page>
  );
}

function Sites({ make }: { make: preact.ComponentChildren }) {
  useFleetNews();
  const sources = sourcesShown();
  const fleets = useFleets(sources);
  const pages = usePages(["sites", "pages"], async (pageToken, signal) => {
    const answer = await registry.listSites({ pageToken, pageSize: 1_000 }, { signal });
    return { rows: answer.sites, nextPageToken: answer.nextPageToken };
  });
  const search = param("search");
  const sort = param("sort");
  // The server neither searches nor sorts sites, so that all of them are read for either.
  const needsAll = search !== "" || sort !== "";
  useEffect(() => {
    if (needsAll && pages.hasMore && !pages.isReadingMore) pages.more();
  }, [needsAll, pages.hasMore, pages.isReadingMore]);
  if (pages.isPending) return <Loading rows={6} />;
  if (pages.error && pages.rows.length === 0) return <Failed error={pages.error} again={pages.again} />;
  if (pages.rows.length === 0) {
    return (
      <Empty title="There is no site yet">
        <p>Each device belongs to a site. {make ? "Make the first one, then a token with which devices enrol there." : "Someone with the role fleet admin makes the first one."}</p>
        {make}
      </Empty>
    );
  }
  const rows = sorted(found(rowsOf(pages.rows, fleets.counts), search), sort);
  return (
    <>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {fleets.error !== null && <Failed error={fleets.error} again={fleets.again} />}
      <div class="row spread sites-search">
        <TextField label="Search" type="search" placeholder="Id, name, location or description" value={search} onInput={(text) => show({ search: text })} />
        <p class="quiet" role="status">
          {search === "" ? counted(pages.rows.length, "site") : `${counted(rows.length, "site")} of ${pages.rows.length}`}
          {pages.hasMore && " so far"}
        </p>
      </div>
      {rows.length === 0 ? (
        <Empty title="No site matches">
          <Button onPress={() => show({ search: undefined })}>Show all sites</Button>
        </Empty>
      ) : (
        <Table
          label="Sites"
          columns={columnsFor(sources)}
          rows={rows}
          rowKey={({ site }) => site.siteId}
          rowHref={({ site }) => href(siteHref(site.siteId))}
          sort={sort || "id"}
          hasMore={pages.hasMore && !needsAll}
          more={pages.more}
        />
      )}
      {fleets.isCutOff && <p class="quiet small">Devices are counted of the 100 sites with the most; a site’s own page counts those of any other.</p>}
    </>
  );
}

/** What is counted of each source that is shown. */
function useFleets(sources: readonly DeviceSource[]) {
  const all = [DeviceSource.REAL, DeviceSource.SIMULATED].map((source) => ({ source, read: useFleet(source, "", undefined, sources.includes(source)) }));
  const shown = all.filter(({ source }) => sources.includes(source));
  return {
    counts: new Map(shown.map(({ source, read }) => [source, read.data])),
    error: shown.find(({ read }) => read.error !== null)?.read.error ?? null,
    isCutOff: shown.some(({ read }) => (read.data?.sitesLeftOut ?? 0) > 0),
    again: () => shown.forEach(({ read }) => void read.refetch()),
  };
}
