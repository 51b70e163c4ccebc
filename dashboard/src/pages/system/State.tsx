import { connection } from "~/api/news";
import { Badge } from "~/kit";
import { absolute, clockOffsetMs, now, span } from "~/kit/time";

/** Whether news come, and since when they do not. */
export function State() {
  const { state, since } = connection.value;
  if (state === "live") return <Badge tone="good">Live</Badge>;
  if (since === undefined) return <Badge>{state === "connecting" ? "Connecting…" : "Not live"}</Badge>;
  const heard = since + clockOffsetMs.value;
  return (
    <span class="row">
      <Badge tone="bad">Not live</Badge>
      <span>
        since {absolute(heard)}, {span(now.value - heard)}
      </span>
    </span>
  );
}
