import { rollouts } from "~/api/clients/rollouts";
import { useRead } from "~/api/query";
import type { GetUpdatePolicyResponse } from "~/gen/homepot/rollout/v1/policy_pb";
import { At, Facts, Read } from "~/kit";

/** When devices of the site may apply releases, and whether rollouts that reach them need an approval. */
export function Updates({ siteId }: { siteId: string }) {
  const read = useRead(["rollouts", "policy", siteId], (signal) => rollouts.getUpdatePolicy({ siteId }, { signal }));
  return (
    <section class="card stack">
      <h2>Updates</h2>
      <Read of={read}>{(found) => <Policy found={found} />}</Read>
    </section>
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
        ["Changed", changedBy && <>by {changedBy}, <At time={changedAt} /></>],
      ]}
    />
  );
}
