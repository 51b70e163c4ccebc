/** Who looks at the page, and until when. */
import { computed, signal } from "@preact/signals";
import { Role, type WhoAmIResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { cache } from "./query";

/**
 * `starting` until the server said who calls; `ended` when a session ran out while the page was open; `told` in a window that signed
 * in for another one.
 */
export type SessionState = "starting" | "told" | "signed-out" | "signed-in" | "ended";

export const sessionState = signal<SessionState>("starting");
export const me = signal<WhoAmIResponse | undefined>(undefined);

export const role = computed(() => me.value?.operator?.role ?? Role.UNSPECIFIED);
/** The sites of an operator that is bound to some; empty for one of the whole fleet. */
export const ownSites = computed(() => me.value?.operator?.siteIds ?? []);
export const isOfFleet = computed(() => me.value !== undefined && ownSites.value.length === 0);

/** What an operator must at least be. The words are those of docs/access.md. */
export type Least = "viewer" | "operator" | "admin" | "fleet admin";

/** Whether the server would let this operator; the page shows nothing that it would refuse. */
export function may(least: Least): boolean {
  const ranks: Record<Least, Role> = {
    viewer: Role.VIEWER,
    operator: Role.OPERATOR,
    admin: Role.ADMIN,
    "fleet admin": Role.ADMIN,
  };
  return role.value >= ranks[least] && (least !== "fleet admin" || isOfFleet.value);
}

export function sessionEnded(): void {
  if (sessionState.value === "signed-in") sessionState.value = "ended";
  if (sessionState.value === "starting") sessionState.value = "signed-out";
}

/** Opens a session with an operator's token or with the code of a one-time link; the cookie is the server's to set. */
export async function signIn(credential: { token: string } | { code: string }): Promise<void> {
  const answer = await fetch("/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credential),
    credentials: "same-origin",
  });
  if (!answer.ok) throw new Error(await refusal(answer));
}

export async function signOut(): Promise<void> {
  const answer = await fetch("/session", { method: "DELETE", credentials: "same-origin" });
  if (!answer.ok && answer.status !== 401) throw new Error(await refusal(answer));
  cache.clear();
  me.value = undefined;
  sessionState.value = "signed-out";
}

/** The server's own words for what it refused. */
export async function refusal(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined);
  const told = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  if (typeof told === "string") return told;
  if (answer.status === 401) return "This token or link is not valid. It may have expired, or been used or revoked.";
  return `The server answered ${answer.status}.`;
}
