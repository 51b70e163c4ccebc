/** What the page does first: it asks who looks at it, or ends the sign-in that brought it here. */
import { signal } from "@preact/signals";
import { registry } from "./clients/registry";
import { news } from "./news";
import { failureWords, landing, takeAddress, tell } from "./provider";
import { cache } from "./query";
import { me, sessionState, signIn } from "./session";

/** Why the one-time link or the identity provider did not open a session; empty where there was none. */
export let linkProblem = "";

/** Why it can't be told who looks, such as that the server can't be reached. */
export const startFault = signal<unknown>(undefined);

export async function start(): Promise<void> {
  startFault.value = undefined;
  const landed = landing(location.hash);
  if (landed?.isWindow) {
    if (landed.failed) linkProblem = failureWords(landed.failed);
    tell(landed.failed);
    sessionState.value = "told";
    window.close();
    return;
  }
  if (landed) {
    go(takeAddress());
    if (landed.failed) linkProblem = failureWords(landed.failed);
  }
  const code = takeCode();
  if (code) await signIn({ code }).catch((error: unknown) => (linkProblem = error instanceof Error ? error.message : String(error)));
  try {
    await askWho();
  } catch (error) {
    // Where nobody is signed in, the sign-in is shown already.
    if (sessionState.value === "starting") startFault.value = error;
  }
}

/** Asks who calls, after a start and after each sign-in. What another operator was shown is forgotten. */
export async function askWho(): Promise<void> {
  const before = me.value?.operator?.name;
  me.value = await registry.whoAmI({});
  if (before !== undefined && before !== me.value.operator?.name) void cache.resetQueries();
  sessionState.value = "signed-in";
  news.listen();
  // Its code comes once what is shown first is under way.
  void import("./clock").then(({ measureClock }) => measureClock()).catch(() => undefined);
}

/** Goes to a view in the place of this one, which is no step of "back". */
function go(hash: string): void {
  history.replaceState(null, "", hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The code of a one-time link. It is taken out of the address at once, so that no history and no copied address holds it. */
function takeCode(): string {
  const [path, query = ""] = location.hash.split("?", 2);
  if (path !== "#/sign-in") return "";
  go("#/");
  return new URLSearchParams(query).get("code") ?? "";
}
