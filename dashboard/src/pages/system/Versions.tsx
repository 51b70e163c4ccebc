import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import { isShown, sourceFilter } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Column, Empty, LinkButton, Read, Table } from "~/kit";
import { Panel } from "~/parts/Panel";
import { versions, type VersionCount } from "./versions";

/** One page of the list, so that looking at this costs one call however large the fleet is. */
const READ = 1_000;

export function Versions() {
  const source = sourceFilter();
  const first = useRead(["devices", "versions", source], (signal) => registry.listDevices({ source, pageSize: READ }, { signal }));
  return (
    <Panel title="Agents in use">
      <Read of={first}>
        {({ devices, nextPageToken }) =>
          devices.length === 0 ? (
            <Empty title="No device">
              <LinkButton href={href("/devices", { source: "both" })}>Look at all devices</LinkButton>
            </Empty>
          ) : (
            <>
              <p class="quiet">{nextPageToken ? `Of the first ${READ.toLocaleString("en-GB")} devices by their ids; there are more.` : "Of all devices that are shown."}</p>
              <Table label="Versions of agents" columns={columns()} rows={versions(devices)} rowKey={(row) => row.version} />
            </>
          )
        }
      </Read>
    </Panel>
  );
}

/** Real and simulated stand in columns of their own, and only where they are shown. */
function columns(): Column<VersionCount>[] {
  const all: (Column<VersionCount> | false)[] = [
    { name: "Version", cell: (row) => row.version || <span class="quiet">none: no agent ever connected</span>, grows: true },
    isShown(DeviceSource.REAL) && { name: "Real devices", number: true, cell: (row) => row.real },
    isShown(DeviceSource.SIMULATED) && { name: "Simulated devices", number: true, cell: (row) => row.simulated },
  ];
  return all.filter((column) => column !== false);
}
