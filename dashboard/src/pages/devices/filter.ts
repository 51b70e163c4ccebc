/** What the address of the page says, as requests, chips and targets. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceOrder, DeviceStatus, type SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";

export const FACETS = ["status", "type", "site", "access"] as const;
export type Facet = (typeof FACETS)[number];

/** As it stands in the address; empty: any. */
export type Filter = Record<Facet | "search" | "labels", string>;

export function filterOf(param: (name: string) => string): Filter {
  return { search: param("search"), status: param("status"), type: param("type"), site: param("site"), access: param("access"), labels: param("labels") };
}

export function isEmpty(filter: Filter): boolean {
  return Object.values(filter).every((value) => value === "");
}

/** The words of the address for a status; they are those of the contract. */
export function statusOf(word: string): DeviceStatus {
  const known: Record<string, DeviceStatus> = {
    ONLINE: DeviceStatus.ONLINE,
    OFFLINE: DeviceStatus.OFFLINE,
    MAINTENANCE: DeviceStatus.MAINTENANCE,
    UNKNOWN: DeviceStatus.UNKNOWN,
    ERROR: DeviceStatus.ERROR,
  };
  return known[word] ?? DeviceStatus.UNSPECIFIED;
}

/** Whether devices are let in, as the contract says it. */
function activeOf(access: string): boolean | undefined {
  return { "let-in": true, "shut-out": false }[access];
}

/** The same for lists and for counts, so that both are of the same devices. */
export function request(filter: Filter) {
  return {
    siteId: filter.site,
    status: statusOf(filter.status),
    deviceType: filter.type,
    labelSelector: filter.labels,
    search: filter.search,
    active: activeOf(filter.access),
  };
}

const ORDERS: Record<string, DeviceOrder> = {
  id: DeviceOrder.ID,
  name: DeviceOrder.NAME,
  site: DeviceOrder.SITE,
  type: DeviceOrder.TYPE,
  status: DeviceOrder.STATUS,
  last_seen: DeviceOrder.LAST_SEEN,
};

/** `sort` as it stands in the address: `name`, or `-name` for the other way. */
export function order(sort: string) {
  return { orderBy: ORDERS[sort.replace(/^-/, "")] ?? DeviceOrder.UNSPECIFIED, descending: sort.startsWith("-") };
}

/** The same as parameters of the API's address, for the table as a file. */
export function query(filter: Filter, sort: string, source: DeviceSource): Record<string, string> {
  const { orderBy, descending } = order(sort);
  const status = statusOf(filter.status);
  const said = (is: boolean, word: string) => (is ? word : "");
  return {
    site_id: filter.site,
    source: said(source !== DeviceSource.UNSPECIFIED, `DEVICE_SOURCE_${DeviceSource[source]}`),
    status: said(status !== DeviceStatus.UNSPECIFIED, `DEVICE_STATUS_${DeviceStatus[status]}`),
    device_type: filter.type,
    label_selector: filter.labels,
    search: filter.search,
    active: String(activeOf(filter.access) ?? ""),
    order_by: said(orderBy !== DeviceOrder.UNSPECIFIED, `DEVICE_ORDER_${DeviceOrder[orderBy]}`),
    descending: said(descending, "true"),
    page_size: "1000",
  };
}

const STATUS_WORDS: Record<string, string> = { ONLINE: "Online", OFFLINE: "Offline", MAINTENANCE: "Maintenance", UNKNOWN: "Never seen", ERROR: "Error" };
const ACCESS_WORDS: Record<string, string> = { "let-in": "Let in", "shut-out": "Shut out" };
const FACET_WORDS: Record<Facet, string> = { status: "Status", type: "Type", site: "Site", access: "Access" };

export function facetWord(facet: Facet): string {
  return FACET_WORDS[facet];
}

export function choiceWord(facet: Facet, value: string): string {
  const words: Partial<Record<Facet, Record<string, string>>> = { status: STATUS_WORDS, access: ACCESS_WORDS };
  return words[facet]?.[value] ?? value;
}

/** What was chosen of the facets, each to be taken away. */
export function chips(filter: Filter): { facet: Facet; text: string }[] {
  return FACETS.filter((facet) => filter[facet] !== "").map((facet) => ({ facet, text: `${facetWord(facet)}: ${choiceWord(facet, filter[facet])}` }));
}

export interface Choice {
  value: string;
  /** Of each source by itself. */
  counts: { source: DeviceSource; devices: bigint }[];
}

/** What can be chosen of a facet, with how many devices there are of each; the order is that of the first that tells it. */
export function choices(facet: Facet, summaries: readonly SummarizeFleetResponse[]): Choice[] {
  const found = new Map<string, Choice>();
  for (const summary of summaries) {
    for (const [value, devices] of counted(facet, summary)) {
      const choice = found.get(value) ?? { value, counts: [] };
      choice.counts.push({ source: summary.source, devices });
      found.set(value, choice);
    }
  }
  return [...found.values()].filter((choice) => facet === "status" || choice.counts.some(({ devices }) => devices > 0n));
}

function counted(facet: Facet, summary: SummarizeFleetResponse): [string, bigint][] {
  if (facet === "status") {
    const place = ({ status }: { status: DeviceStatus }) => Object.keys(STATUS_WORDS).indexOf(DeviceStatus[status]);
    return summary.byStatus.toSorted((one, other) => place(one) - place(other)).map(({ status, devices }) => [DeviceStatus[status], devices]);
  }
  if (facet === "access") {
    return [
      ["let-in", summary.total - summary.inactive],
      ["shut-out", summary.inactive],
    ];
  }
  if (facet === "type") return summary.byDeviceType.map(({ deviceType, devices }) => [deviceType, devices]);
  return summary.bySite.map(({ siteId, devices }) => [siteId, devices]);
}

export function sourceWord(source: DeviceSource): string {
  return source === DeviceSource.SIMULATED ? "simulated" : "real";
}

export function figure(devices: bigint | number): string {
  return devices.toLocaleString("en-GB");
}

/** Such as "1,204 real devices match". Two sources are told side by side. */
export function totalWords(summaries: readonly SummarizeFleetResponse[], filter: Filter): string {
  const parts = summaries.map((summary) => `${figure(summary.total)} ${sourceWord(summary.source)}`);
  const isOne = summaries.length === 1 && summaries[0]?.total === 1n;
  const verb = isEmpty(filter) ? "" : isOne ? " matches" : " match";
  return `${parts.join(" and ")} ${isOne ? "device" : "devices"}${verb}`;
}
