import { problem } from "~/api/errors";
import { me, signOut } from "~/api/session";
import { rights, ROLE_NAMES, siteWords } from "~/app/roles";
import { askFreshSignIn } from "~/app/fresh";
import { href } from "~/app/route";
import { At, Button, Facts, Page, toast } from "~/kit";
import { ms, now } from "~/kit/time";
import { Panel } from "~/parts/Panel";
import { freshWords } from "~/parts/sessions/ends";
import { Looks } from "./Looks";
import { OwnSessions } from "./OwnSessions";
import "./page.css";

export default function MePage() {
  const operator = me.value?.operator;
  const leave = () => signOut().catch((error: unknown) => toast(problem(error).message, "bad"));
  return (
    <Page title="Me" lead="Who you are to the server, and how this page looks in this browser." actions={<Button onPress={() => void leave()}>Sign out</Button>}>
      <div class="me-panels">
        <Panel title={operator?.name ?? "Nobody"}>
          <Facts
            facts={[
              ["Role", operator && ROLE_NAMES[operator.role]],
              ["Reaches", operator && siteWords(operator.siteIds, 20)],
              ["May", operator && <Rights sentences={rights(operator)} />],
              operator?.issuer ? ["Identity provider", operator.issuer] : ["Token", operator && <span class="mono">{operator.tokenId}…</span>],
              ["Good until", operator?.expiresAt ? <At time={operator.expiresAt} /> : "it is revoked"],
              ["Made by", operator?.madeBy],
              ["Made", operator && <At time={operator.createdAt} />],
              ["Sign-in", <SignInState />],
            ]}
          />
        </Panel>
        <Looks />
      </div>
      <Panel title="My sessions" more={<a href={href("/sessions")}>All sessions</a>}>
        <OwnSessions />
      </Panel>
    </Page>
  );
}

function Rights({ sentences }: { sentences: readonly string[] }) {
  return (
    <ul class="me-rights">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

/** Whether what needs a fresh sign-in would pass now. */
function SignInState() {
  const until = ms(me.value?.freshUntil);
  const hasSession = me.value?.session !== undefined;
  const isFresh = !hasSession || (until !== undefined && until > now.value);
  return (
    <>
      {freshWords(until, hasSession, now.value)}{" "}
      {!isFresh && <Button onPress={() => void askFreshSignIn("What reaches the whole fleet needs a fresh sign-in.")}>Sign in again</Button>}
    </>
  );
}
