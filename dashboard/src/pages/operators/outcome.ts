/** What a revocation did, in the server's numbers. */
import type { RevokeOperatorResponse } from "~/gen/homepot/registry/v1/registry_pb";

type Counts = Pick<RevokeOperatorResponse, "alsoRevoked" | "enrollmentTokensRevoked" | "operatorsLeft" | "enrollmentTokensLeft"> & { operator?: { name: string } };

export function outcome({ operator, alsoRevoked, enrollmentTokensRevoked, operatorsLeft, enrollmentTokensLeft }: Counts): string {
  const sentences = [`${operator?.name ?? "The operator"} is revoked.`];
  const along = list([alsoRevoked.length > 0 && alsoRevoked.join(", "), counted(enrollmentTokensRevoked, "enrolment token")]);
  if (along) sentences.push(`Also revoked: ${along}.`);
  const left = list([counted(operatorsLeft, "operator"), counted(enrollmentTokensLeft, "enrolment token")]);
  if (left) sentences.push(`Of what it made, ${left} ${operatorsLeft + enrollmentTokensLeft === 1 ? "is" : "are"} still good.`);
  return sentences.join(" ");
}

function counted(number: number, name: string): string | false {
  return number > 0 && `${number} ${name}${number === 1 ? "" : "s"}`;
}

function list(parts: (string | false)[]): string {
  return parts.filter(Boolean).join(" and ");
}
