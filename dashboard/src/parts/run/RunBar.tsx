import type { RunProgress } from "~/gen/homepot/command/v1/command_pb";
import { partsOf, progressWords } from "./progress";
import "./run-bar.css";

/** How a run's devices fare, each share with a pattern of its own, so that none is told by its colour alone. */
export function RunBar({ progress }: { progress: RunProgress | undefined }) {
  const parts = partsOf(progress).filter(({ count }) => count > 0);
  return (
    <span class="run-bar" role="img" aria-label={progressWords(progress)} title={progressWords(progress)}>
      {parts.map(({ share, count }) => (
        <span key={share} data-share={share} style={{ flexGrow: count }} />
      ))}
    </span>
  );
}

/** The pattern of a share, for beside its word. */
export function ShareMark({ share }: { share: string }) {
  return <span class="share-mark" data-share={share} aria-hidden="true" />;
}
