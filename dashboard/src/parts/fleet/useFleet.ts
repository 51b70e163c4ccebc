/** Totals of the fleet, read again when news say that they changed. */
import { useRef } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useNews } from "~/api/live";
import { cache, useRead } from "~/api/query";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { now } from "~/kit/time";
import { useSeldom } from "~/parts/useSeldom";
import { changesTotals } from "./counts";

const KEY = ["devices", "fleet"] as const;
/** A total is a report to the server: in a fleet where much happens it is asked for this often at most. */
const PACE = { gatherMs: 1_000, pauseMs: 10_000 };
/** The clocks of the server and of its database may differ. */
const SLACK_MS = 5_000;

export function useFleet(source: DeviceSource, siteId = "", status = DeviceStatus.UNSPECIFIED, enabled = true) {
  return useRead([...KEY, { source, siteId, status }], (signal) => registry.summarizeFleet({ source, siteId, status }, { signal }), { enabled });
}

/** Keeps the totals of a page true; once a page. */
export function useFleetNews(): void {
  useTotalsNews(() => void cache.invalidateQueries({ queryKey: KEY }), PACE);
}

/** Has `read` done again when news change what is counted; a device that was only heard of again changes nothing. */
export function useTotalsNews(read: () => void, pace: { gatherMs: number; pauseMs: number }): void {
  const readAt = useRef(now.peek());
  const readAgain = useSeldom(() => {
    readAt.current = now.peek();
    read();
  }, pace);
  useNews(({ devices, removedDeviceIds }) => {
    if (changesTotals(devices, removedDeviceIds, readAt.current - SLACK_MS)) readAgain();
  });
}
