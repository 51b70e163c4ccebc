import { sessions } from "~/api/clients/sessions";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Session } from "~/gen/homepot/session/v1/session_pb";
import { Ago, Facts, FormDialog, toast } from "~/kit";

export function EndSession({ session, onClose }: { session: Session; onClose: () => void }) {
  const end = useChange(
    () => sessions.revokeSession({ sessionId: session.sessionId }),
    ["sessions"],
    () => {
      toast(`The session ${session.sessionId} is ended.`);
      onClose();
    },
  );
  return (
    <FormDialog title="End this session?" action="End it" kind="danger" busy={end.isPending} problem={end.error ? problem(end.error) : undefined} onSubmit={() => end.mutate(undefined)} onClose={onClose}>
      <Facts
        facts={[
          ["Session", <span class="mono">{session.sessionId}</span>],
          ["Of", session.operator],
          ["Signed in", <Ago time={session.createdAt} />],
          ["Last used", <Ago time={session.usedAt} />],
        ]}
      />
      <p>Whoever looks at the page there has to sign in again. The operator's token stays good.</p>
    </FormDialog>
  );
}
