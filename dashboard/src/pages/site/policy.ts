/** The update policy of a site, as it is typed and as it is sent. */
import type { UpdatePolicy } from "~/gen/homepot/rollout/v1/policy_pb";

export interface TypedPolicy {
  /** One a line. */
  windows: string;
  timeZone: string;
  needsApproval: boolean;
}

export function typedPolicy(policy: Pick<UpdatePolicy, "windows" | "timeZone" | "needsApproval"> | undefined): TypedPolicy {
  return { windows: policy?.windows.join("\n") ?? "", timeZone: policy?.timeZone ?? "", needsApproval: policy?.needsApproval ?? false };
}

export function policyOf({ windows, timeZone, needsApproval }: TypedPolicy) {
  const lines = windows.split("\n").map((line) => line.trim().replace(/\s+/g, " ").toLowerCase());
  return { windows: lines.filter((line) => line !== ""), timeZone: timeZone.trim(), needsApproval };
}

/** What the server said of each field, whatever stands before its name; `told` are the names that it gave those. */
export function policyFaults(fields: Readonly<Record<string, string>>): { windows?: string; timeZone?: string; told: string[] } {
  const at = (name: RegExp) => Object.entries(fields).find(([field]) => name.test(field));
  const [windows, timeZone] = [at(/(^|\.)windows\b/), at(/(^|\.)time_zone$/)];
  return { windows: windows?.[1], timeZone: timeZone?.[1], told: [windows, timeZone].flatMap((found) => (found ? [found[0]] : [])) };
}
