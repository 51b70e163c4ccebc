/** When a session ends, and what one says of that. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Session } from "~/gen/homepot/session/v1/session_pb";
import { span } from "~/kit/time";

/** The earlier of its two ends. */
export function end(session: Session): { at: number; why: "idle" | "absolute" } | undefined {
  const idle = session.idleExpiresAt && timestampMs(session.idleExpiresAt);
  const last = session.expiresAt && timestampMs(session.expiresAt);
  if (idle === undefined && last === undefined) return undefined;
  return idle !== undefined && (last === undefined || idle < last) ? { at: idle, why: "idle" } : { at: last ?? 0, why: "absolute" };
}

/** Those that "all others" means: never the one in which it is asked for. */
export function others(sessions: readonly Session[]): Session[] {
  return sessions.filter((session) => !session.current);
}

/** How fresh a sign-in is, in a sentence. */
export function freshWords(freshUntil: number | undefined, hasSession: boolean, at: number): string {
  if (!hasSession) return "You called with a token, which always counts as fresh.";
  if (freshUntil !== undefined && freshUntil > at) return `Fresh for another ${span(Math.ceil((freshUntil - at) / 60_000) * 60_000)}.`;
  return "Not fresh any more. What reaches the whole fleet or makes tokens asks for your token again; the rest does not.";
}
