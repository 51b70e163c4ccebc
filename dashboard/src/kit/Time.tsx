import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { absolute, ago, ms, now } from "./time";

/** How long ago, growing while one looks; the date and time itself on hover and for screen readers. */
export function Ago({ time, never = "never" }: { time: Timestamp | undefined; never?: string }) {
  const at = ms(time);
  if (at === undefined) return <span class="quiet">{never}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={absolute(at)}>
      {ago(at, now.value)}
    </time>
  );
}

/** A date and time. */
export function At({ time, never = "–" }: { time: Timestamp | undefined; never?: string }) {
  const at = ms(time);
  if (at === undefined) return <span class="quiet">{never}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={ago(at, now.value)}>
      {absolute(at)}
    </time>
  );
}
