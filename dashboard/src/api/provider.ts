/**
 * The sign-in with an identity provider. The server makes the way there and takes who comes back; the page only goes, and hears what
 * came of it.
 */
import { signal } from "@preact/signals";
import { refusal } from "./session";

/** What the provider is called; empty where there is none, or it is not known yet. */
export const providerName = signal("");

/** Asks how people can sign in. Where that can't be told, tokens are left. */
export async function readOptions(): Promise<void> {
  const answer = await fetch("/session", { credentials: "same-origin" }).catch(() => undefined);
  const body: unknown = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
  providerName.value = nameIn(body);
}

function nameIn(body: unknown): string {
  const provider = typeof body === "object" && body !== null && "provider" in body ? body.provider : undefined;
  const name = typeof provider === "object" && provider !== null && "name" in provider ? provider.name : undefined;
  return typeof name === "string" ? name : "";
}

/** Begins a sign-in; answers where to go. `fresh`: the person shows who it is although the provider knows it still. */
export async function begin(how: { fresh: boolean; window: boolean }): Promise<string> {
  const answer = await fetch("/session/provider", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(how),
    credentials: "same-origin",
  });
  if (!answer.ok) throw new Error(await refusal(answer));
  const { url } = (await answer.json()) as { url: string };
  return url;
}

const WANTED = "homepot-wanted";

/** Keeps the address of this view, to which a sign-in in this tab returns. */
export function keepAddress(): void {
  sessionStorage.setItem(WANTED, location.hash);
}

/** The view that was wanted before the sign-in; never another place than one of this page. */
export function takeAddress(): string {
  const wanted = sessionStorage.getItem(WANTED) ?? "";
  sessionStorage.removeItem(WANTED);
  return wanted.startsWith("#/") ? wanted : "#/";
}

/** Where browsers land that come back from the provider. */
export interface Landing {
  /** Whether a window of its own signed in, which then closes. */
  isWindow: boolean;
  /** Why nobody is signed in, as a word of the server; empty: somebody is. */
  failed: string;
}

/** What an address says of a sign-in that is over; `undefined`: it says nothing. */
export function landing(hash: string): Landing | undefined {
  const [path, query = ""] = hash.split("?", 2);
  if (path !== "#/signed-in") return undefined;
  const params = new URLSearchParams(query);
  return { isWindow: params.has("window"), failed: params.get("failed") ?? "" };
}

/** Words for a failure. An address can hold anything, so that only what is written here is ever shown. */
export function failureWords(failed: string): string {
  const words = new Map([
    ["NO_PROVIDER", "This server has no identity provider."],
    ["PROVIDER_FAILED", "The identity provider can't be reached, or does not answer as it should; the server's log says why. Try again, or sign in with a token."],
    ["PROVIDER_REFUSED", "The identity provider did not sign you in."],
    ["SIGN_IN_UNKNOWN", "The sign-in took too long, was over already, or was begun in another browser. Begin again."],
    ["NO_ROLE", "The identity provider knows you, but none of your groups has a role here. Ask an admin of this server."],
    ["OPERATOR_REVOKED", "You were revoked as an operator here. Ask an admin of this server."],
  ]);
  return words.get(failed) ?? "The sign-in failed. Try again.";
}

const CHANNEL = "homepot-sign-in";

/** Tells the page's other windows what came of a sign-in. */
export function tell(failed: string): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(failed);
  channel.close();
}

/** Hears what came of sign-ins in windows of their own, until the returned function is called. */
export function hear(heard: (failed: string) => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event: MessageEvent<unknown>) => {
    if (typeof event.data === "string") heard(event.data);
  };
  return () => channel.close();
}
