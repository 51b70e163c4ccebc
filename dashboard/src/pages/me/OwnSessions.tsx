import { Failed, Loading } from "~/kit";
import { SessionTable } from "~/parts/sessions/SessionTable";
import { useSessions } from "~/parts/sessions/useSessions";

const SHOWN = 5;

/** The newest few; all of them are on their own page. */
export function OwnSessions() {
  const read = useSessions("", SHOWN);
  if (read.error) return <Failed error={read.error} again={read.again} />;
  if (read.isPending) return <Loading />;
  if (read.rows.length === 0) return <p class="quiet">None: you called with a token.</p>;
  return <SessionTable label="My newest sessions" sessions={read.rows.slice(0, SHOWN)} />;
}
