/** Sums of activity, as the server counts them. */
import { analytics } from "~/api/clients/analytics";
import { useRead } from "~/api/query";
import type { ActivityGrouping, ActivitySum } from "~/gen/homepot/analytics/v1/analytics_pb";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { now } from "~/kit/time";
import { reportTurn } from "~/parts/turns";
import type { Span } from "~/parts/span";
import { during } from "~/parts/during";
import type { Filter } from "./filter";

/** Activity is in no news. */
const AGAIN_MS = 60_000;
const ROWS = 1_000;
const PAGES = 5;

export interface Sums {
  sums: ActivitySum[];
  /** Whether there are more than are read. */
  isCut: boolean;
}

export function useSums(filter: Filter, span: Span, source: DeviceSource, groupBy: ActivityGrouping, resolutionSeconds?: number) {
  const read = (signal: AbortSignal) => reportTurn(() => readSums(during(filter, span, source, now.peek()), groupBy, resolutionSeconds, signal));
  return useRead(["activity", "sums", filter, span, source, groupBy, resolutionSeconds], read, { everyMs: "last" in span ? AGAIN_MS : undefined });
}

async function readSums(filter: ReturnType<typeof during>, groupBy: ActivityGrouping, resolutionSeconds: number | undefined, signal: AbortSignal): Promise<Sums> {
  const sums: ActivitySum[] = [];
  const resolution = resolutionSeconds === undefined ? undefined : { seconds: BigInt(resolutionSeconds), nanos: 0 };
  let pageToken = "";
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await analytics.aggregateActivities({ filter, groupBy, resolution, pageSize: ROWS, pageToken }, { signal });
    sums.push(...answer.sums);
    pageToken = answer.nextPageToken;
    if (!pageToken) return { sums, isCut: false };
  }
  return { sums, isCut: true };
}

/** The most first. */
export function ranked(sums: readonly ActivitySum[]): ActivitySum[] {
  return [...sums].sort((one, other) => Number(other.count - one.count) || one.key.localeCompare(other.key));
}
