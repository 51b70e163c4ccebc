import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { me, signIn } from "~/api/session";
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { FormDialog } from "~/kit";
import type { Given } from "./TokenShown";

/** Asks before a token is replaced, for whoever uses the old one is shut out at once. */
export function RotateToken({ operator, onClose, onRotated }: { operator: Operator; onClose: () => void; onRotated: (given: Given) => void }) {
  const isMe = operator.name === me.value?.operator?.name;
  const rotate = useChange(
    async () => {
      const answer = await registry.rotateOperatorToken({ name: operator.name });
      // The session ends with the token that it was made with; the new one opens the next.
      if (isMe) await signIn({ token: answer.token }).catch(() => undefined);
      return answer;
    },
    ["operators", "sessions"],
    (answer) => answer.operator && onRotated({ title: `The new token of ${operator.name}`, operator: answer.operator, token: answer.token }),
  );
  return (
    <FormDialog
      title={`Give ${operator.name} a new token?`}
      action="Make a new token"
      busy={rotate.isPending}
      problem={rotate.error ? problem(rotate.error) : undefined}
      onSubmit={() => rotate.mutate(undefined)}
      onClose={onClose}
    >
      <p>The new token is shown once. The token that {operator.name} has now ends at once, its sessions with it, and calls that are under way end within 2 seconds.</p>
      <p>{isMe ? "This is you: the page signs you in again with the new token, here. Your other sessions end." : "Whatever uses the old token fails until it is given the new one."}</p>
    </FormDialog>
  );
}
