import { QueryClientProvider } from "@tanstack/react-query";
import { useSignalEffect } from "@preact/signals";
import { cache } from "~/api/query";
import { linkProblem, start, startFault } from "~/api/start";
import { sessionState } from "~/api/session";
import { Failed, LinkButton, Loading } from "~/kit";
import { Toasts } from "~/kit/Toasts";
import { useEffect } from "preact/hooks";
import { answerFresh, asked } from "./fresh";
import { Frame } from "./Frame";
import { SignIn } from "./SignIn";
import { theme } from "./theme";

export function App() {
  useEffect(() => void start(), []);
  useSignalEffect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
  const state = sessionState.value;
  return (
    <QueryClientProvider client={cache}>
      {state === "starting" && <Starting />}
      {state === "signed-out" && <SignIn />}
      {state === "told" && <Told />}
      {(state === "signed-in" || state === "ended") && <Frame />}
      {/* Over the page, which stays as it is with all that was typed into it. */}
      {state === "ended" && <SignIn over />}
      {state === "signed-in" && asked.value && <SignIn over fresh={{ why: asked.value.why, answer: answerFresh }} />}
      <Toasts />
    </QueryClientProvider>
  );
}

/**
 * A window that signed in for another one closes itself. Where the browser does not let it, as when the provider cut it off from the
 * page that opened it, a person does; and where that page is gone, one goes on here.
 */
function Told() {
  return (
    <main class="sign-in">
      <div class="stack">
        <p>{linkProblem || "The sign-in is over."} You can close this window.</p>
        <div>
          <LinkButton href="/">Go on here</LinkButton>
        </div>
      </div>
    </main>
  );
}

function Starting() {
  return <main class="sign-in">{startFault.value ? <Failed error={startFault.value} again={() => void start()} /> : <Loading />}</main>;
}
