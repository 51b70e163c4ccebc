/** Which activity the page is about, as its address says. */
import { ActivityType } from "~/gen/homepot/analytics/v1/analytics_pb";
import { duringQuery } from "~/parts/during";
import type { Span } from "~/parts/span";

export interface Filter {
  activityType: ActivityType;
  pageUrl: string;
  operator: string;
  sessionId: string;
}

export function filterOf(param: (name: string) => string): Filter {
  return {
    activityType: ActivityType[param("type") as keyof typeof ActivityType] ?? ActivityType.UNSPECIFIED,
    pageUrl: param("page"),
    operator: param("operator"),
    sessionId: param("visit"),
  };
}

/** The filter for the table of the whole list. */
export function queryOf(filter: Filter, span: Span, sourceName: string, now: number): Record<string, string> {
  return {
    "filter.activity_type": filter.activityType === ActivityType.UNSPECIFIED ? "" : `ACTIVITY_TYPE_${ActivityType[filter.activityType]}`,
    "filter.page_url": filter.pageUrl,
    "filter.operator": filter.operator,
    "filter.session_id": filter.sessionId,
    ...duringQuery(span, sourceName, now),
  };
}

export const TYPES: readonly { type: ActivityType; key: string; word: string; one: string; colour: string }[] = [
  { type: ActivityType.PAGE_VIEW, key: "PAGE_VIEW", word: "Page views", one: "Page view", colour: "series-1" },
  { type: ActivityType.CLICK, key: "CLICK", word: "Clicks", one: "Click", colour: "series-2" },
  { type: ActivityType.SEARCH, key: "SEARCH", word: "Searches", one: "Search", colour: "series-3" },
  { type: ActivityType.INTERACTION, key: "INTERACTION", word: "Interactions", one: "Interaction", colour: "series-4" },
  { type: ActivityType.FILTER, key: "FILTER", word: "Filters", one: "Filter", colour: "series-5" },
];

/** The place in TYPES of a sum's key; what is not known counts as the last. */
export function typePlace(key: string): number {
  const name = key.replace(/^ACTIVITY_TYPE_/i, "").toUpperCase();
  const place = TYPES.findIndex((one) => one.key === name);
  return place < 0 ? TYPES.length - 1 : place;
}
