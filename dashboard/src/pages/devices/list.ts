/** The rows and the counts of one filter, kept current by the news. */
import { useEffect, useRef } from "preact/hooks";
import { registry } from "~/api/clients";
import { useLiveDevices, useNews } from "~/api/live";
import { usePages, useRead } from "~/api/query";
import { sourceFilter, sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Device, DeviceStatus, type SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { type Filter, order, request, statusOf } from "./filter";

const FIRST_ROWS = 100;
const MORE_ROWS = 500;
/** Counts are read again no sooner than this after the last time. */
const COUNTS_PAUSE_MS = 5_000;

export function useDeviceList(filter: Filter, sort: string) {
  const source = sourceFilter();
  const pages = usePages(
    ["devices", "list", filter, sort, source],
    async (pageToken, signal) => {
      const pageSize = pageToken ? MORE_ROWS : FIRST_ROWS;
      const answer = await registry.listDevices({ ...request(filter), ...order(sort), source, pageToken, pageSize }, { signal });
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
  const rows = pages.isPrevious ? live : live.filter((device) => matches(device, filter, source));
  useCountsByNews(() => void counts.refetch());

  // Where the whole list is read and counts another number, something came that no row tells of.
  const total = counts.data?.reduce((sum, { total: one }) => sum + one, 0n);
  useEffect(() => {
    if (total !== undefined && !pages.isPrevious && !pages.isPending && !pages.hasMore && total !== BigInt(rows.length)) pages.again();
  }, [counts.data]);

  return { ...pages, rows, readRows: pages.rows, counts, choices: choices.current, filterKey: JSON.stringify([filter, source]) };
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

/** Calls `again` when news change what is counted; a device that was only heard of again changes nothing. */
function useCountsByNews(again: () => void): void {
  const known = useRef(new Map<string, string>());
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const latest = useRef(again);
  latest.current = again;
  useNews(({ devices, removedDeviceIds }) => {
    let isChanged = removedDeviceIds.length > 0;
    for (const { deviceId, siteId, deviceType, name, presence } of devices) {
      const counted = [siteId, deviceType, name, presence?.status].join("\n");
      if (known.current.get(deviceId) === counted) continue;
      isChanged = true;
      known.current.set(deviceId, counted);
    }
    if (!isChanged) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, COUNTS_PAUSE_MS);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}
