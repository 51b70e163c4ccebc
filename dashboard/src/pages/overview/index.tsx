import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Page } from "~/kit";
import { counted } from "~/parts/fleet/counts";
import { FleetTiles } from "~/parts/fleet/FleetTiles";
import { useFleet, useFleetNews } from "~/parts/fleet/useFleet";
import { FirstRun } from "./FirstRun";
import { LastErrors } from "./LastErrors";
import { LiveRuns } from "./LiveRuns";
import { WentOffline } from "./WentOffline";
import { WorstSites } from "./WorstSites";
import "./page.css";

export default function OverviewPage() {
  useFleetNews();
  const [hasSeenFirst, setHasSeenFirst] = useState(false);
  const [isFirst, setIsFirst] = useState(false);
  const sources = sourcesShown();
  const fleet = useFleet(sources[0] ?? DeviceSource.REAL);
  const isEmpty = fleet.data !== undefined && fleet.data.total + fleet.data.notCounted === 0n;
  const sites = useRead(["sites", "all"], (signal) => registry.listSites({ pageSize: 1_000 }, { signal }), { enabled: isEmpty });
  if (isEmpty && !isFirst && !hasSeenFirst) setIsFirst(true);
  if (isFirst) {
    const leave = () => {
      setHasSeenFirst(true);
      setIsFirst(false);
    };
    return <FirstRun sites={sites.data?.sites ?? []} hasDevices={!isEmpty} onLeave={leave} />;
  }
  const others = sources.length === 1 ? Number(fleet.data?.notCounted ?? 0) : 0;
  return (
    <Page title="Overview">
      {sources.map((source) => (
        <FleetTiles key={source} source={source} />
      ))}
      {others > 0 && <OthersNotShown count={others} source={sources[0] ?? DeviceSource.REAL} />}
      <div class="overview">
        <div class="stack">
          <WentOffline />
          <LastErrors sources={sources} />
        </div>
        <div class="stack">
          <WorstSites sources={sources} />
          <LiveRuns />
        </div>
      </div>
    </Page>
  );
}

function OthersNotShown({ count, source }: { count: number; source: DeviceSource }) {
  const kind = source === DeviceSource.SIMULATED ? "real" : "simulated";
  return <p class="quiet small">{counted(count, `${kind} device`)} not counted here; the switch at the top shows them.</p>;
}
