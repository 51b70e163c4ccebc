import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { Rollout } from "~/gen/homepot/rollout/v1/rollout_pb";
import { At, Facts } from "~/kit";
import { durationMs, ms, span } from "~/kit/time";
import { figure } from "~/parts/run/progress";
import { targetWords } from "~/parts/target/words";

/** The release, the devices it was started for, and the limits it keeps. */
export function Settings({ rollout }: { rollout: Rollout }) {
  const [soak, silence] = [durationMs(rollout.soak), durationMs(rollout.silence)];
  const [began, ended] = [ms(rollout.createdAt), ms(rollout.finishedAt)];
  return (
    <section class="card stack">
      <h2>Target and settings</h2>
      <Facts
        facts={[
          ["Release", <a href={href(`/releases/${rollout.releaseId}`)}>{`${rollout.releaseName} ${rollout.releaseVersion}`}</a>],
          ["Target", <Target rollout={rollout} />],
          ["Devices at a time", figure(rollout.maxInFlight)],
          ["At a time at each site", figure(rollout.maxInFlightPerSite)],
          ["Failures allowed", `${rollout.maxFailurePercent} % of those that have begun`],
          ["A phase lasts on for", soak === undefined ? undefined : span(soak)],
          ["Silence that counts as failure", silence === undefined ? undefined : span(silence)],
          ["Started by", rollout.mendsDrift ? "the server, to mend drift" : rollout.createdBy],
          ["Started", <At time={rollout.createdAt} />],
          ["Approval", approval(rollout)],
          ["Replaces", rollout.replacesRolloutId && <a class="mono" href={href(`/rollouts/${rollout.replacesRolloutId}`)}>{rollout.replacesRolloutId}</a>],
          ["Ended", rollout.finishedAt && <At time={rollout.finishedAt} />],
          ["Took", began !== undefined && ended !== undefined ? span(ended - began) : undefined],
          ["Idempotency key", rollout.idempotencyKey && <span class="mono">{rollout.idempotencyKey}</span>],
          ["Id", <span class="mono">{rollout.rolloutId}</span>],
        ]}
      />
    </section>
  );
}

function approval({ approvalSiteIds, approvedBy, approvedAt }: Rollout) {
  if (approvalSiteIds.length === 0) return undefined;
  return approvedBy ? <>by {approvedBy}, <At time={approvedAt} /></> : `needed by ${approvalSiteIds.join(", ")}`;
}

function Target({ rollout: { target } }: { rollout: Rollout }) {
  const words = targetWords(target);
  if (target?.siteId || target?.labelSelector) {
    return <a href={href("/devices", { site: target.siteId, labels: target.labelSelector, source: sourceParam(target.source) })}>{words}</a>;
  }
  return <>{words}</>;
}
