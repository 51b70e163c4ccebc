import { ROLE_NAMES, siteWords } from "~/app/roles";
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { At, Button, Dialog, Facts, Notice, Secret } from "~/kit";

export interface Given {
  title: string;
  operator: Operator;
  token: string;
}

/** A token, this once. Only its button puts it away: a slip of the hand would lose it for good. */
export function TokenShown({ given: { title, operator, token }, onClose }: { given: Given; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose} stays>
      <Notice tone="warn">Copy this token now. The server keeps no copy and shows it this once.</Notice>
      <Secret text={token} label="Token" />
      <Facts
        facts={[
          ["Operator", operator.name],
          ["Role", ROLE_NAMES[operator.role]],
          ["Reaches", siteWords(operator.siteIds, 8)],
          ["Good until", operator.expiresAt ? <At time={operator.expiresAt} /> : "it is revoked"],
        ]}
      />
      <p class="quiet">People sign in with it on this page; programs send it in the header <code>authorization: Bearer</code>.</p>
      <footer>
        <Button kind="primary" onPress={onClose}>
          I have kept it
        </Button>
      </footer>
    </Dialog>
  );
}
