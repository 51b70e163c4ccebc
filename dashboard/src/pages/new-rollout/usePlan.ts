import { rollouts } from "~/api/clients/rollouts";
import { usePages } from "~/api/query";
import type { PlanRolloutResponse } from "~/gen/homepot/rollout/v1/rollout_pb";
import { useSettled } from "~/kit/settled";
import type { TargetInit } from "~/parts/target/target";

/** What would change on which device now, by the server; asked once one pauses with typing. */
export function usePlan(releaseId: string, target: TargetInit | undefined, phases: string[] | undefined) {
  const wanted = JSON.stringify({ releaseId, target, phases });
  const asked = useSettled(wanted, 400);
  const isCurrent = asked === wanted;
  const pages = usePages<PlanRolloutResponse>(
    ["rollout-plan", asked],
    async (pageToken, signal) => {
      const answer = await rollouts.planRollout({ releaseId, target, phases, pageToken, pageSize: 100 }, { signal });
      return { rows: [answer], nextPageToken: answer.nextPageToken };
    },
    { enabled: releaseId !== "" && target !== undefined && phases !== undefined && isCurrent },
  );
  // The newest page has the newest numbers.
  const numbers = isCurrent && !pages.error ? pages.rows.at(-1) : undefined;
  return { ...pages, numbers, devices: pages.rows.flatMap((page) => page.devices), isCurrent };
}

export type Plan = ReturnType<typeof usePlan>;
