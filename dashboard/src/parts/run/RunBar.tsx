import type { RunProgress } from "~/gen/homepot/command/v1/command_pb";
import { type Part, partsOf, progressWords } from "./progress";
import "./run-bar.css";

/** How a run's devices fare. */
export function RunBar({ progress }: { progress: RunProgress | undefined }) {
  return <ShareBar parts={partsOf(progress)} words={progressWords(progress)} />;
}

/** Parts of a whole, each share with a pattern of its own, so that none is told by its colour alone. */
export function ShareBar({ parts, words }: { parts: readonly Part[]; words: string }) {
  return (
    <span class="run-bar" role="img" aria-label={words} title={words}>
      {parts
        .filter(({ count }) => count > 0)
        .map(({ share, count }) => (
          <span key={share} data-share={share} style={{ flexGrow: count }} />
        ))}
    </span>
  );
}

/** The pattern of a share, for beside its word. */
export function ShareMark({ share }: { share: string }) {
  return <span class="share-mark" data-share={share} aria-hidden="true" />;
}
