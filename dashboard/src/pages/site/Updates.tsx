import { useState } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { useRead } from "~/api/query";
import { may } from "~/api/session";
import type { GetUpdatePolicyResponse } from "~/gen/homepot/rollout/v1/policy_pb";
import { At, Button, Facts, Read } from "~/kit";
import { Panel } from "~/parts/Panel";
import { PolicyDialog } from "./PolicyDialog";

/** When devices of the site may apply releases, and whether rollouts that reach them need an approval. */
export function Updates({ siteId }: { siteId: string }) {
  const read = useRead(["rollouts", "policy", siteId], (signal) => rollouts.getUpdatePolicy({ siteId }, { signal }));
  const [isOpen, setOpen] = useState(false);
  return (
    <Panel title="Updates" more={read.data && may("admin") && <Button onPress={() => setOpen(true)}>Set the policy</Button>}>
      <Read of={read}>{(found) => <Policy found={found} />}</Read>
      {isOpen && <PolicyDialog siteId={siteId} policy={read.data?.policy} onClose={() => setOpen(false)} />}
    </Panel>
  );
}

function Policy({ found: { policy, open, opensAt, changedBy, changedAt } }: { found: GetUpdatePolicyResponse }) {
  const windows = policy?.windows ?? [];
  return (
    <Facts
      facts={[
        ["Maintenance windows", windows.length === 0 ? "at any time" : windows.join("; ")],
        ["Time zone", policy?.timeZone],
        ["Now", windows.length === 0 ? undefined : open ? "a window is open" : opensAt ? <>the next one opens <At time={opensAt} /></> : "none opens within 15 days"],
        ["Approval by a second person", policy?.needsApproval ? "needed" : "not needed"],
        ["Turns", "one device of the site at a time, unless a rollout says otherwise"],
        ["Changed", changedBy && <>by {changedBy}, <At time={changedAt} /></>],
      ]}
    />
  );
}
