/** The one list of pages: where each is, what it is called, who may see it. A page is a folder below `pages/`. */
import type { ComponentType } from "preact";
import type { Least } from "~/api/session";
import { match } from "./route";

export interface PageProps {
  /** The named parts of the address. */
  parts: Record<string, string>;
}

export interface PageEntry {
  /** Such as `/devices/:id/:tab?`. */
  at: string;
  /** What the menu calls it; left out: it is reached from other pages. */
  menu?: { name: string; group: "Look" | "Act" | "Manage" };
  who: Least;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
}

export const PAGES: readonly PageEntry[] = [
  { at: "/", menu: { name: "Overview", group: "Look" }, who: "viewer", load: () => import("~/pages/overview") },
  { at: "/devices", menu: { name: "Devices", group: "Look" }, who: "viewer", load: () => import("~/pages/devices") },
  { at: "/devices/:id/:tab?", who: "viewer", load: () => import("~/pages/device") },
  { at: "/sites", menu: { name: "Sites", group: "Look" }, who: "viewer", load: () => import("~/pages/sites") },
  { at: "/sites/:id", who: "viewer", load: () => import("~/pages/site") },
  { at: "/explore", menu: { name: "Explore", group: "Look" }, who: "viewer", load: () => import("~/pages/explore") },
  { at: "/errors", menu: { name: "Errors", group: "Look" }, who: "viewer", load: () => import("~/pages/errors") },
  { at: "/activity", menu: { name: "Activity", group: "Look" }, who: "viewer", load: () => import("~/pages/activity") },
  { at: "/commands", menu: { name: "Commands", group: "Act" }, who: "viewer", load: () => import("~/pages/commands") },
  { at: "/commands/:id", who: "viewer", load: () => import("~/pages/command") },
  { at: "/runs", menu: { name: "Runs", group: "Act" }, who: "viewer", load: () => import("~/pages/runs") },
  { at: "/runs/new", who: "operator", load: () => import("~/pages/new-run") },
  { at: "/runs/:id", who: "viewer", load: () => import("~/pages/run") },
  { at: "/releases", menu: { name: "Releases", group: "Act" }, who: "viewer", load: () => import("~/pages/releases") },
  { at: "/releases/:id", who: "viewer", load: () => import("~/pages/release") },
  { at: "/values", menu: { name: "Values", group: "Act" }, who: "viewer", load: () => import("~/pages/values") },
  { at: "/rollouts", menu: { name: "Rollouts", group: "Act" }, who: "viewer", load: () => import("~/pages/rollouts") },
  { at: "/rollouts/new", who: "operator", load: () => import("~/pages/new-rollout") },
  { at: "/rollouts/:id", who: "viewer", load: () => import("~/pages/rollout") },
  { at: "/enrolment", menu: { name: "Enrolment", group: "Act" }, who: "admin", load: () => import("~/pages/enrolment") },
  { at: "/simulation", menu: { name: "Simulation", group: "Manage" }, who: "viewer", load: () => import("~/pages/simulation") },
  { at: "/operators", menu: { name: "Operators", group: "Manage" }, who: "admin", load: () => import("~/pages/operators") },
  { at: "/sessions", menu: { name: "Sessions", group: "Manage" }, who: "viewer", load: () => import("~/pages/sessions") },
  { at: "/system", menu: { name: "System", group: "Manage" }, who: "viewer", load: () => import("~/pages/system") },
  { at: "/me", who: "viewer", load: () => import("~/pages/me") },
];

/** The page at an address, with the parts that the address names. */
export function pageAt(path: string): { page: PageEntry; parts: Record<string, string> } | undefined {
  for (const page of PAGES) {
    const parts = match(page.at, path);
    if (parts) return { page, parts };
  }
  return undefined;
}

/** Names what is shown: the same for all tabs of one thing. */
export function pageKey(page: PageEntry, parts: Record<string, string>): string {
  const isOptional = (name: string) => page.at.includes(`:${name}?`);
  const named = Object.entries(parts).filter(([name]) => !isOptional(name));
  return [page.at, ...named.map(([, value]) => value)].join(" ");
}

/** Whether an address belongs to a menu entry: the page itself, or one below it. */
export function isUnder(at: string, now: string): boolean {
  return at === "/" ? now === "/" : now === at || now.startsWith(`${at}/`);
}
