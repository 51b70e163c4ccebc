/** Roles and sites in words. */
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { Role } from "~/gen/homepot/registry/v1/registry_pb";

export const ROLE_NAMES: Record<Role, string> = {
  [Role.UNSPECIFIED]: "Unknown",
  [Role.VIEWER]: "Viewer",
  [Role.OPERATOR]: "Operator",
  [Role.ADMIN]: "Admin",
};

/** What a role adds to the one before it. */
export const ROLE_GAINS: Record<Role, string> = {
  [Role.UNSPECIFIED]: "",
  [Role.VIEWER]: "Sees devices, commands, errors and activity.",
  [Role.OPERATOR]: "Sends and cancels commands, starts runs and rollouts, changes devices and shuts them out.",
  [Role.ADMIN]: "Adds and removes devices; makes and revokes operators and tokens.",
};

const RANKED = [Role.VIEWER, Role.OPERATOR, Role.ADMIN];

/** The roles that somebody of this role may give, the least first. */
export function rolesUpTo(role: Role): Role[] {
  return RANKED.filter((one) => one <= role);
}

/** Such as "every site", "shop-1", "shop-1 and shop-2" or "shop-1, shop-2 and 7 more". */
export function siteWords(siteIds: readonly string[], most = 3): string {
  if (siteIds.length === 0) return "every site";
  if (siteIds.length === 1) return siteIds[0] ?? "";
  const isAll = siteIds.length <= most;
  const named = siteIds.slice(0, isAll ? -1 : most);
  const last = isAll ? siteIds.at(-1) : `${siteIds.length - most} more`;
  return `${named.join(", ")} and ${last}`;
}

/** What an operator may do, one sentence each; what only an admin of the whole fleet may comes last. */
export function rights(operator: Pick<Operator, "role" | "siteIds">): string[] {
  const isBound = operator.siteIds.length > 0;
  const own = rolesUpTo(operator.role).map((role) => ROLE_GAINS[role]);
  if (operator.role !== Role.ADMIN) return own;
  return [...own, isBound ? "Sees and revokes only operators that it made, or that those made. It can't make or remove sites." : "Makes and removes sites."];
}
