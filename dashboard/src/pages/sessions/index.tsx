import { useState } from "preact/hooks";
import { me, may } from "~/api/session";
import { param } from "~/app/route";
import type { Session } from "~/gen/homepot/session/v1/session_pb";
import { Button, Empty, Failed, Loading, Page } from "~/kit";
import { others } from "~/parts/sessions/ends";
import { SessionTable } from "~/parts/sessions/SessionTable";
import { useSessions } from "~/parts/sessions/useSessions";
import { EndOthers } from "./EndOthers";
import { EndSession } from "./EndSession";
import { WhoseSessions } from "./WhoseSessions";

type Open = { what: "one"; session: Session } | { what: "others" };

export default function SessionsPage() {
  const own = me.value?.operator?.name ?? "";
  const operator = param("operator") || own;
  const isOwn = operator === own;
  const read = useSessions(isOwn ? "" : operator);
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const ending = others(read.rows);
  return (
    <Page
      title="Sessions"
      lead="Browsers that are signed in at this page. A session ends after 12 hours without use, 7 days after the sign-in, or when the token that it was made with ends."
      actions={
        ending.length > 0 && (
          <Button kind="danger" onPress={() => setOpen({ what: "others" })}>
            {isOwn ? "End all others" : "End all of them"}
          </Button>
        )
      }
    >
      {may("admin") && <WhoseSessions operator={operator} own={own} />}
      {read.error && <Failed error={read.error} again={read.again} />}
      {read.isPending && <Loading />}
      {!read.isPending && !read.error && read.rows.length === 0 && <None isOwn={isOwn} operator={operator} />}
      {read.rows.length > 0 && (
        <SessionTable label={`Sessions of ${operator}`} sessions={read.rows} hasMore={read.hasMore} more={read.more} onEnd={(session) => setOpen({ what: "one", session })} />
      )}
      {open?.what === "one" && <EndSession session={open.session} onClose={close} />}
      {open?.what === "others" && <EndOthers operator={isOwn ? "" : operator} name={operator} onClose={close} />}
    </Page>
  );
}

function None({ isOwn, operator }: { isOwn: boolean; operator: string }) {
  return (
    <Empty title="No session">
      <p>{isOwn ? "You call with a token, and are signed in nowhere." : `${operator} is signed in nowhere. Programs that call with a token have no session.`}</p>
    </Empty>
  );
}
