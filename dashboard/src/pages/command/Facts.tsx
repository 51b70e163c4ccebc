import { href } from "~/app/route";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { Facts, SourceBadge } from "~/kit";
import { durationMs, ms, span } from "~/kit/time";

export function CommandFacts({ command }: { command: Command }) {
  const [created, expires, longest] = [ms(command.createdAt), ms(command.expiresAt), durationMs(command.runTimeout)];
  return (
    <section class="card stack">
      <h2>What it is</h2>
      <Facts
        facts={[
          ["Device", <a href={href(`/devices/${encodeURIComponent(command.deviceId)}`)}>{command.deviceId}</a>],
          ["Site", <a href={href(`/sites/${encodeURIComponent(command.siteId)}`)}>{command.siteId}</a>],
          ["Source", <SourceBadge source={command.source} />],
          ["Queued by", command.createdBy],
          ["Part of", command.runId && <a href={href(`/runs/${command.runId}`)}>a run of several devices</a>],
          ["Type as requested", command.requestedType],
          ["Sent", times(command.deliveries)],
          ["Time to live", created !== undefined && expires !== undefined ? span(expires - created) : undefined],
          ["Runs for at most", longest !== undefined ? span(longest) : undefined],
          ["Idempotency key", command.idempotencyKey && <span class="mono">{command.idempotencyKey}</span>],
          ["Id", <span class="mono">{command.commandId}</span>],
        ]}
      />
    </section>
  );
}

function times(count: number): string {
  if (count === 0) return "not yet";
  return count === 1 ? "once" : `${count} times`;
}
