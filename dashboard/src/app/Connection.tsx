import { connection } from "~/api/news";
import { clockOffsetMs, now, span } from "~/kit/time";

const WORDS = { live: "Live", connecting: "Connecting…", broken: "Not live" };

/** Whether what is shown is live. When it is not, that is said at once; its age beside it grows without being read out each second. */
export function Connection() {
  const { state, since } = connection.value;
  const isOld = state === "broken" && since !== undefined;
  return (
    <span class="badge connection" data-tone={state === "live" ? "good" : state === "broken" ? "bad" : "plain"}>
      <span role="status">{WORDS[state]}</span>
      {isOld && <span class="age" aria-hidden="true">{`${span(now.value - clockOffsetMs.value - since)} old`}</span>}
    </span>
  );
}
