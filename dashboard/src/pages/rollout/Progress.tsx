import { href } from "~/app/route";
import type { Rollout } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Badge } from "~/kit";
import { partsOf, phasesOf } from "~/parts/rollout/progress";
import { RolloutBar } from "~/parts/rollout/RolloutBar";
import { LISTED } from "~/parts/rollout/states";
import { Shares } from "~/parts/run/Shares";

export function Progress({ rollout }: { rollout: Rollout }) {
  const at = `/rollouts/${rollout.rolloutId}`;
  return (
    <section class="card stack">
      <h2>Progress</h2>
      <RolloutBar progress={rollout.progress} />
      <Shares parts={partsOf(rollout.progress).map((part) => ({ ...part, href: href(at, { state: LISTED[part.share] }) }))} total={rollout.progress?.total ?? 0} totalHref={href(at)} />
    </section>
  );
}

/** Every phase: how far it brings the rollout, and which one it is in. */
export function Phases({ rollout }: { rollout: Rollout }) {
  return (
    <section class="card stack">
      <h2>Phases</h2>
      <ol class="rollout-phases">
        {phasesOf(rollout).map(({ number, reach, where }) => (
          <li key={number} aria-current={where === "now" ? "step" : undefined}>
            Phase {number}: {reach}
            <Badge tone={where === "done" ? "good" : where === "now" ? "info" : "plain"}>{where === "done" ? "Done" : where === "now" ? "Now" : "To come"}</Badge>
          </li>
        ))}
      </ol>
    </section>
  );
}
