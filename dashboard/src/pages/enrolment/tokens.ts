/** Where an enrolment token stands. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import type { Tone } from "~/kit/Badge";

export type Standing = "good" | "used-up" | "over" | "revoked";

/** At a time by the server's clock. */
export function standing(token: EnrollmentToken, now: number): Standing {
  if (token.revokedAt) return "revoked";
  if (token.expiresAt && timestampMs(token.expiresAt) <= now) return "over";
  return token.usesLeft === 0 ? "used-up" : "good";
}

export const STANDINGS: Record<Standing, { word: string; tone: Tone }> = {
  good: { word: "Good", tone: "good" },
  "used-up": { word: "Used up", tone: "plain" },
  over: { word: "Over", tone: "plain" },
  revoked: { word: "Revoked", tone: "bad" },
};
