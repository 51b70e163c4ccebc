import { href } from "~/app/route";
import { sourceParam } from "~/app/source";
import type { Run } from "~/gen/homepot/command/v1/command_pb";
import { At, Facts } from "~/kit";
import { durationMs, ms, span } from "~/kit/time";
import { figure } from "~/parts/run/progress";
import { targetWords } from "~/parts/target/words";

/** Whom it was started for, and under which limits. */
export function Settings({ run }: { run: Run }) {
  const [lives, longest] = [durationMs(run.timeToLive), durationMs(run.runTimeout)];
  const [began, ended] = [ms(run.createdAt), ms(run.finishedAt)];
  return (
    <section class="card stack">
      <h2>Target and settings</h2>
      <Facts
        facts={[
          ["Target", <Target run={run} />],
          ["Commands at a time", figure(run.maxInFlight)],
          ["Failures allowed", figure(run.maxFailures)],
          ["Time to live of each", lives === undefined ? undefined : span(lives)],
          ["Each runs for at most", longest === undefined ? undefined : span(longest)],
          ["Started by", run.createdBy],
          ["Started", <At time={run.createdAt} />],
          ["Ended", run.finishedAt && <At time={run.finishedAt} />],
          ["Took", began !== undefined && ended !== undefined ? span(ended - began) : undefined],
          ["Idempotency key", run.idempotencyKey && <span class="mono">{run.idempotencyKey}</span>],
          ["Id", <span class="mono">{run.runId}</span>],
        ]}
      />
    </section>
  );
}

function Target({ run: { target } }: { run: Run }) {
  const words = targetWords(target);
  if (target?.siteId || target?.labelSelector) {
    return <a href={href("/devices", { site: target.siteId, labels: target.labelSelector, source: sourceParam(target.source) })}>{words}</a>;
  }
  return <>{words}</>;
}
