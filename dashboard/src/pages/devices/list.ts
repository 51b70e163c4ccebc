/** The rows and the counts of one filter, kept current by the news. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useLiveDevices } from "~/api/live";
import { usePages, useRead } from "~/api/query";
import { nextTask } from "~/api/slices";
import { sourceFilter, sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceStatus, type SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { useTotalsNews } from "~/parts/fleet/useFleet";
import { type Filter, order, request, statusOf } from "./filter";

const FIRST_ROWS = 100;
/** A page that takes long to decode would keep the rows from following the wheel. */
const MORE_ROWS = 200;
const COUNTS_PACE = { gatherMs: 1_000, pauseMs: 5_000 };

export function useDeviceList(filter: Filter, sort: string) {
  const source = sourceFilter();
  const pages = usePages(
    ["devices", "list", filter, sort, source],
    async (pageToken, signal) => {
      const pageSize = pageToken ? MORE_ROWS : FIRST_ROWS;
      const answer = await registry.listDevices({ ...request(filter), ...order(sort), source, pageToken, pageSize }, { signal });
      // What was read is drawn in a task of its own.
      await nextTask();
      return { rows: answer.devices, nextPageToken: answer.nextPageToken };
    },
    { keepsPrevious: true },
  );
  const sources = sourcesShown();
  const counts = useRead(["devices", "counts", filter, sources], (signal) =>
    Promise.all(sources.map((one) => registry.summarizeFleet({ ...request(filter), source: one }, { signal }))),
  );
  // While others are counted, the choices stay where they are.
  const choices = useRef<SummarizeFleetResponse[]>([]);
  if (counts.data ?? counts.error) choices.current = counts.data ?? [];
  const live = useLiveDevices(pages.rows);
  const filterKey = JSON.stringify([filter, source]);
  const rows = useMemo(() => (pages.isPrevious ? live : live.filter((device) => matches(device, filter, source))), [live, pages.isPrevious, filterKey]);
  useTotalsNews(() => void counts.refetch(), COUNTS_PACE);

  // Where the whole list is read and counts another number, something came that no row tells of.
  const total = counts.data?.reduce((sum, { total: one }) => sum + one, 0n);
  useEffect(() => {
    if (total !== undefined && !pages.isPrevious && !pages.isPending && !pages.hasMore && total !== BigInt(rows.length)) pages.again();
  }, [counts.data]);

  return { ...pages, rows, readRows: pages.rows, counts, choices: choices.current, filterKey };
}

/** Whether a row still belongs to the list, as far as the page itself can tell. */
function matches(device: Device, filter: Filter, source: DeviceSource): boolean {
  const status = statusOf(filter.status);
  return (
    (status === DeviceStatus.UNSPECIFIED || device.presence?.status === status) &&
    (filter.type === "" || device.deviceType === filter.type) &&
    (filter.site === "" || device.siteId === filter.site) &&
    (source === DeviceSource.UNSPECIFIED || device.source === source)
  );
}
