import { useEffect, useState } from "preact/hooks";
import { problem } from "~/api/errors";
import { askWho, linkProblem } from "~/api/start";
import { refresh } from "~/api/query";
import { signIn } from "~/api/session";
import { Button, Dialog, Notice, TextField } from "~/kit";
import { pageAt } from "./pages";
import { ProviderSignIn } from "./ProviderSignIn";
import { path } from "./route";

interface SignInProps {
  /** A session ended while the page was open, or has to be fresh. */
  over?: boolean;
  /** A sign-in of somebody who is signed in already: why, and who waits for it. */
  fresh?: { why: string; answer: (isSignedIn: boolean) => void };
}

/** Asks for a sign-in: with the identity provider, where there is one, or with an operator's token. */
export function SignIn({ over = false, fresh }: SignInProps) {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(over ? "" : linkProblem);
  // While the token is typed there is time to load the code of the page that comes then. A failure is told when it is needed.
  useEffect(() => void pageAt(path.value)?.page.load().catch(() => undefined), []);
  const goOn = async (open: () => Promise<void>) => {
    setBusy(true);
    setFault("");
    try {
      await open();
      setToken("");
      await askWho();
      refresh("");
      fresh?.answer(true);
    } catch (error) {
      setFault(problem(error).message);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void goOn(() => signIn({ token: token.trim() }));
  };
  const form = (
    <form class="stack" onSubmit={submit}>
      {over && <p>{fresh?.why ?? "Sign in again to go on."} What you have typed is still there.</p>}
      <ProviderSignIn over={over} fresh={fresh !== undefined} onSignedIn={() => void goOn(() => Promise.resolve())} onFault={setFault} />
      <TextField
        label="Operator token"
        type="password"
        autoComplete="current-password"
        value={token}
        onInput={setToken}
        hint="It begins with hpo_. On the server's own machine, “homepot ctl sign-in” prints a link that signs you in without it."
        autoFocus
      />
      {fault && <Notice tone="bad">{fault}</Notice>}
      <div class="row">
        <Button type="submit" kind="primary" busy={busy} disabled={token.trim() === ""}>
          Sign in
        </Button>
        {fresh && <Button onPress={() => fresh.answer(false)}>Not now</Button>}
      </div>
    </form>
  );
  if (over) {
    return (
      <Dialog title={fresh ? "Sign in again" : "Your session has ended"} stays={!fresh} onClose={() => fresh?.answer(false)}>
        {form}
      </Dialog>
    );
  }
  return (
    <main class="sign-in">
      <div class="card stack">
        <div class="row">
          <img src="/icon.svg" alt="" width="32" height="32" />
          <h1>HOMEPOT</h1>
        </div>
        {form}
      </div>
    </main>
  );
}
