import type { ErrorGroup } from "~/gen/homepot/analytics/v1/analytics_pb";
import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { href } from "~/app/route";
import { At, Dialog, Facts, SourceBadge } from "~/kit";
import { pretty } from "~/kit/json";
import { whole } from "~/parts/fleet/counts";
import { SeverityBadge } from "~/parts/severity";

/** All that is known of an error: what its repeats have in common, and the rest of the newest one. */
export function Details({ group, onClose }: { group: ErrorGroup; onClose: () => void }) {
  const { newest, count, firstSeenAt, lastSeenAt, deviceId, siteId, operator, source, overflow } = group;
  const hasContext = newest?.context && Object.keys(newest.context).length > 0;
  return (
    <Dialog title={newest?.errorMessage ?? "Error"} wide onClose={onClose}>
      {overflow && <p>One reporter sent more than 100 kinds of errors in this hour. Those beyond the first 100 are counted together here.</p>}
      <Facts
        facts={[
          ["Severity", <SeverityBadge severity={newest?.severity ?? Severity.UNSPECIFIED} />],
          ["Count", whole(count)],
          ["First", <At time={firstSeenAt} />],
          ["Last", <At time={lastSeenAt} />],
          ["Category", newest?.category],
          ["Code", newest?.errorCode && <span class="mono">{newest.errorCode}</span>],
          ["Endpoint", newest?.endpoint && <span class="mono">{newest.endpoint}</span>],
          ["Device", deviceId && <a href={href(`/devices/${encodeURIComponent(deviceId)}`)}>{deviceId}</a>],
          ["Site", siteId && <a href={href(`/sites/${encodeURIComponent(siteId)}`)}>{siteId}</a>],
          ["Reported by", operator || "the device itself"],
          ["User", newest?.userId],
          ["Source", <SourceBadge source={source} />],
        ]}
      />
      <Block title="Stack trace" text={newest?.stackTrace ?? ""} />
      <Block title="Context" text={hasContext ? pretty(newest.context) : ""} />
    </Dialog>
  );
}

function Block({ title, text }: { title: string; text: string }) {
  if (text === "") return null;
  return (
    <section>
      <h3>{title}</h3>
      <pre class="errors-block" tabIndex={0} role="region" aria-label={title}>
        {text}
      </pre>
    </section>
  );
}
