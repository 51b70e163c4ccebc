import { useState } from "preact/hooks";
import { sessions } from "~/api/clients/sessions";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { FormDialog, toast } from "~/kit";
import { others } from "~/parts/sessions/ends";

interface Props {
  /** Empty: the caller. */
  operator: string;
  name: string;
  onClose: () => void;
}

/** Ends each session but the one in which it is asked for. What was ended when one fails stays ended. */
export function EndOthers({ operator, name, onClose }: Props) {
  const [ended, setEnded] = useState(0);
  const end = useChange(
    () => endAll(operator, setEnded),
    ["sessions"],
    (count) => {
      toast(count === 0 ? "There was none to end any more." : count === 1 ? "1 session is ended." : `${count} sessions are ended.`);
      onClose();
    },
  );
  const isOwn = operator === "";
  return (
    <FormDialog
      title={isOwn ? "End all your other sessions?" : `End all sessions of ${name}?`}
      action={isOwn ? "End all others" : "End all of them"}
      kind="danger"
      busy={end.isPending}
      problem={end.error ? problem(end.error) : undefined}
      onSubmit={() => end.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        Whoever looks at the page in {isOwn ? "one of these" : "one of them"} has to sign in again. {isOwn ? "The one in which you ask for it stays." : ""} The operator's token stays good: where it is in wrong hands,{" "}
        {isOwn ? "have it replaced too." : "give it a new one or revoke it."}
      </p>
      {ended > 0 && <p role="status">{ended} ended so far.</p>}
    </FormDialog>
  );
}

/** Lists again until none is left, for more may be on the next page. */
async function endAll(operator: string, told: (ended: number) => void): Promise<number> {
  let ended = 0;
  for (;;) {
    const left = others((await sessions.listSessions({ operator, pageSize: 1000 })).sessions);
    if (left.length === 0) return ended;
    for (const session of left) {
      await sessions.revokeSession({ sessionId: session.sessionId });
      told((ended += 1));
    }
  }
}
