import { useState } from "preact/hooks";
import { may } from "~/api/session";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Button, Empty, Page, Read, SourceBadge } from "~/kit";
import { FleetTiles } from "~/parts/fleet/FleetTiles";
import { useFleet, useFleetNews } from "~/parts/fleet/useFleet";
import { PlayFleet } from "./PlayFleet";
import { RemoveDevices } from "./RemoveDevices";
import { TypesAndSites } from "./Summary";
import "./page.css";

/** About simulated devices whatever the switch in the head shows: its links say so in their addresses. */
export default function SimulationPage() {
  const fleet = useFleet(DeviceSource.SIMULATED);
  useFleetNews();
  const [isRemoving, setIsRemoving] = useState(false);
  const hasDevices = (fleet.data?.total ?? 0n) > 0n;
  return (
    <Page
      title="Simulation"
      beside={<SourceBadge source={DeviceSource.SIMULATED} />}
      lead="Devices that a simulator plays. They are marked as such everywhere, and never counted among the real ones."
      actions={
        may("admin") &&
        hasDevices && (
          <Button kind="danger" onPress={() => setIsRemoving(true)}>
            Remove devices
          </Button>
        )
      }
    >
      <Read of={fleet}>
        {(summary) =>
          summary.total === 0n ? (
            <Empty title="No simulated device">
              <p>Play a fleet with the line below, and its devices appear here as they enrol.</p>
            </Empty>
          ) : (
            <>
              <FleetTiles source={DeviceSource.SIMULATED} />
              <TypesAndSites summary={summary} />
            </>
          )
        }
      </Read>
      <PlayFleet />
      {isRemoving && fleet.data && <RemoveDevices sites={fleet.data.bySite} sitesLeftOut={fleet.data.sitesLeftOut} onClose={() => setIsRemoving(false)} />}
    </Page>
  );
}
