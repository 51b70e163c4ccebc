/** What the server would let this operator do with another, so that nothing is offered that it refuses. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Operator, Role } from "~/gen/homepot/registry/v1/registry_pb";

export type Standing = "good" | "expired" | "revoked";

export function standing(operator: Operator, at: number): Standing {
  if (operator.revokedAt) return "revoked";
  return operator.expiresAt && timestampMs(operator.expiresAt) <= at ? "expired" : "good";
}

/** A new token is refused for whoever has none, and for whoever's token lasts longer than that of the one who asks. */
export function canRotate(operator: Operator, caller: Operator | undefined, at: number): boolean {
  if (standing(operator, at) !== "good" || operator.issuer !== "" || !caller) return false;
  if (!caller.expiresAt) return true;
  return operator.expiresAt !== undefined && timestampMs(operator.expiresAt) <= timestampMs(caller.expiresAt);
}

function isFleetAdmin(operator: Operator): boolean {
  return operator.role === Role.ADMIN && operator.siteIds.length === 0;
}

/** The last admin of every site that has a token stays. Only an admin of every site is shown all the others, so only it can tell. */
export function canRevoke(operator: Operator, all: readonly Operator[], at: number): boolean {
  if (operator.revokedAt) return false;
  if (!isFleetAdmin(operator) || operator.issuer !== "") return true;
  return all.some((other) => other.name !== operator.name && isFleetAdmin(other) && other.issuer === "" && standing(other, at) === "good");
}

/** Those whose tokens are still good and that `name` made, or that those made, by name. */
export function madeBy(name: string, all: readonly Operator[], at: number): Operator[] {
  const found = new Map<string, Operator>();
  const look = (maker: string) => {
    for (const operator of all) {
      if (operator.madeBy !== maker || operator.name === name || found.has(operator.name)) continue;
      found.set(operator.name, operator);
      look(operator.name);
    }
  };
  look(name);
  return [...found.values()].filter((operator) => standing(operator, at) === "good").sort((a, b) => a.name.localeCompare(b.name));
}

/** The name that an operator gets: that of an admin bound to sites is added where it is missing. */
export function fullName(typed: string, caller: Operator | undefined): string {
  const name = typed.trim();
  if (!caller || caller.siteIds.length === 0 || name === "") return name;
  const end = `@${caller.name}`;
  return name.endsWith(end) ? name : `${name}${end}`;
}

const NAME = /^[A-Za-z0-9._@-]{1,64}$/;

/** What is wrong with a name; `undefined`: nothing, as far as can be told here. */
export function nameFault(name: string): string | undefined {
  if (name === "" || NAME.test(name)) return undefined;
  return name.length > 64 ? `A name has 64 characters at most; with what is added this one has ${name.length}.` : "A name consists of letters, digits, and the signs . _ @ and -.";
}

/** The rows that the address asks for. */
export function matching(all: readonly Operator[], filter: { search: string; standing: string; maker: string }, at: number): Operator[] {
  const wanted = filter.search.trim().toLowerCase();
  return all.filter(
    (operator) =>
      [operator.name, operator.tokenId, ...operator.siteIds].some((text) => text.toLowerCase().includes(wanted)) &&
      (filter.standing === "" || standing(operator, at) === filter.standing) &&
      (filter.maker === "" || operator.madeBy === filter.maker),
  );
}
