import { href } from "~/app/route";
import type { Run } from "~/gen/homepot/command/v1/command_pb";
import { partsOf } from "~/parts/run/progress";
import { RunBar } from "~/parts/run/RunBar";
import { Shares } from "~/parts/run/Shares";
import { LISTED } from "./outcomes";

export function Progress({ run }: { run: Run }) {
  const at = `/runs/${run.runId}`;
  return (
    <section class="card stack">
      <h2>Progress</h2>
      <RunBar progress={run.progress} />
      <Shares parts={partsOf(run.progress).map((part) => ({ ...part, href: href(at, { state: LISTED[part.share] }) }))} total={run.progress?.total ?? 0} totalHref={href(at)} />
    </section>
  );
}
