import { connection } from "~/api/news";
import { span, now } from "~/kit/time";

/** Whether what is shown is live. When it is not, that is said at once and with its age. */
export function Connection() {
  const { state, since } = connection.value;
  if (state === "live") {
    return (
      <span class="badge" data-tone="good" role="status">
        Live
      </span>
    );
  }
  const age = since === undefined ? "" : `, ${span(now.value - since)} old`;
  return (
    <span class="badge" data-tone="bad" role="alert">
      {state === "connecting" ? "Connecting…" : `Not live${age}`}
    </span>
  );
}
