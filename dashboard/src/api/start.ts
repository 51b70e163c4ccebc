/** What the page does first: it asks who looks at it, or opens a session by the one-time link that brought it here. */
import { news } from "./news";
import { registry } from "./clients";
import { me, sessionState, signIn } from "./session";

/** Why the one-time link did not open a session; empty where there was none. */
export let linkProblem = "";

export async function start(): Promise<void> {
  const code = takeCode();
  if (code) await signIn({ code }).catch((error: unknown) => (linkProblem = error instanceof Error ? error.message : String(error)));
  await askWho();
}

/** Asks who calls, after a start and after each sign-in. */
export async function askWho(): Promise<void> {
  try {
    me.value = await registry.whoAmI({});
    sessionState.value = "signed-in";
    news.listen();
  } catch {
    if (sessionState.value === "starting") sessionState.value = "signed-out";
  }
}

/** The code of a one-time link. It is taken out of the address at once, so that no history and no copied address holds it. */
function takeCode(): string {
  const [path, query = ""] = location.hash.split("?", 2);
  if (path !== "#/sign-in") return "";
  history.replaceState(null, "", "#/");
  window.dispatchEvent(new HashChangeEvent("hashchange"));
  return new URLSearchParams(query).get("code") ?? "";
}
