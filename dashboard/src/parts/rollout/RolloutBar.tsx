import type { RolloutProgress } from "~/gen/homepot/rollout/v1/rollout_pb";
import { ShareBar } from "~/parts/run/RunBar";
import { partsOf, progressWords } from "./progress";

/** How a rollout's devices fare. */
export function RolloutBar({ progress }: { progress: RolloutProgress | undefined }) {
  return <ShareBar parts={partsOf(progress)} words={progressWords(progress)} />;
}
