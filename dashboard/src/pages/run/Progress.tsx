import { href } from "~/app/route";
import type { Run } from "~/gen/homepot/command/v1/command_pb";
import { figure, partsOf } from "~/parts/run/progress";
import { RunBar, ShareMark } from "~/parts/run/RunBar";
import { LISTED } from "./outcomes";

export function Progress({ run }: { run: Run }) {
  return (
    <section class="card stack">
      <h2>Progress</h2>
      <RunBar progress={run.progress} />
      <ul class="shares">
        {partsOf(run.progress).map(({ share, word, count }) => (
          <li key={share}>
            <ShareMark share={share} />
            <strong>{figure(count)}</strong>
            {count > 0 ? <a href={href(`/runs/${run.runId}`, { state: LISTED[share] })}>{word}</a> : <span class="quiet">{word}</span>}
          </li>
        ))}
        <li>
          <strong>{figure(run.progress?.total ?? 0)}</strong>
          <a href={href(`/runs/${run.runId}`)}>devices in all</a>
        </li>
      </ul>
    </section>
  );
}
