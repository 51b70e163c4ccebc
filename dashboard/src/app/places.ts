/** Where Ctrl-K leads: what can be gone to, and the order in which it is offered. */
import type { Device, Site } from "~/gen/homepot/registry/v1/registry_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { may, type Least } from "~/api/session";
import { PAGES } from "./pages";
import { href, type Params } from "./route";

export interface Place {
  name: string;
  /** What it is, such as "Page" or "Simulated device at shop-1". */
  kind: string;
  address: string;
  /** Further words that find it. */
  also?: string;
}

/** What people come to do, not to look at. */
const ACTIONS: readonly { name: string; to: string; values?: Params; who: Least; also: string }[] = [
  { name: "New run", to: "/runs/new", who: "operator", also: "command send many devices" },
  { name: "New rollout", to: "/rollouts/new", who: "operator", also: "update release install many devices" },
  { name: "Make an enrolment token", to: "/enrolment", values: { make: "1" }, who: "admin", also: "add device enroll" },
];

const MOST = 30;

/** What holds all words of `text`: what begins with it first, then whatever has it at the beginning of a word. */
export function placesFor(text: string, sites: readonly Pick<Site, "siteId" | "name">[], devices: readonly Device[]): Place[] {
  const wanted = text.trim().toLowerCase();
  const known = [...pages(), ...actions(), ...sites.map(ofSite)];
  const found = known
    .map((place) => ({ place, rank: rank(place, wanted) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    .map(({ place }) => place);
  const shown = wanted === "" ? found.filter((place) => !place.address.startsWith("#/sites/")) : found;
  const search = wanted === "" ? [] : [{ name: `All devices that match “${text.trim()}”`, kind: "Search", address: href("/devices", { search: text.trim(), source: "both" }) }];
  return [...shown, ...devices.map(ofDevice)].slice(0, MOST - search.length).concat(search);
}

function pages(): Place[] {
  const listed = PAGES.filter((page) => page.menu && may(page.who)).map((page) => ({ name: page.menu?.name ?? "", kind: "Page", address: href(page.at) }));
  return [...listed, { name: "Me", kind: "Page", address: href("/me"), also: "theme zone sign out profile account" }];
}

function actions(): Place[] {
  return ACTIONS.filter((action) => may(action.who)).map(({ name, to, values, also }) => ({ name, kind: "Action", address: href(to, values), also }));
}

function ofSite(site: Pick<Site, "siteId" | "name">): Place {
  return { name: site.name || site.siteId, kind: site.name && site.name !== site.siteId ? `Site ${site.siteId}` : "Site", address: href(`/sites/${encodeURIComponent(site.siteId)}`) };
}

function ofDevice(device: Device): Place {
  const named = device.name && device.name !== device.deviceId ? `${device.deviceId} – ${device.name}` : device.deviceId;
  const source = device.source === DeviceSource.SIMULATED ? "Simulated device" : "Device";
  return { name: named, kind: `${source} at ${device.siteId}`, address: href(`/devices/${encodeURIComponent(device.deviceId)}`) };
}

/** 0 is best; `undefined`: it does not match. */
function rank(place: Place, wanted: string): number | undefined {
  const name = place.name.toLowerCase();
  if (name.startsWith(wanted)) return 0;
  const words = wanted.split(/\s+/);
  const isWithin = (text: string) => words.every((word) => text.includes(word));
  const areBegun = (text: string) => words.every((word) => ` ${text}`.includes(` ${word}`));
  if (areBegun(name)) return 1;
  if (isWithin(name)) return 2;
  return areBegun(`${name} ${place.kind} ${place.also ?? ""}`.toLowerCase()) ? 3 : undefined;
}

/** Whether a device is one that the search means, as the contract tells it: by id, name, site or a label's value. */
export function isMeant(device: Device, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return [device.deviceId, device.name, device.siteId, ...Object.values(device.labels)].some((value) => value.toLowerCase().includes(wanted));
}
