/** What a plan says. */
import type { PlanRolloutResponse } from "~/gen/homepot/rollout/v1/rollout_pb";
import { type PlannedValue, ValueOrigin } from "~/gen/homepot/rollout/v1/value_pb";
import { figure } from "~/parts/run/progress";

const ORIGINS: Record<ValueOrigin, string> = {
  [ValueOrigin.UNSPECIFIED]: "not said",
  [ValueOrigin.RELEASE]: "default",
  [ValueOrigin.FLEET]: "fleet",
  [ValueOrigin.SITE]: "site",
  [ValueOrigin.LABEL]: "label",
  [ValueOrigin.DEVICE]: "device",
};

/** Such as `port = 8080 (site)`, and whether it is another value than the device was last told. */
export function valueWords({ variable, value, secret, origin, changed }: Pick<PlannedValue, "variable" | "value" | "secret" | "origin" | "changed">): string {
  return `${variable} = ${secret ? "secret" : value} (${ORIGINS[origin]}${changed ? ", changed" : ""})`;
}

/** Such as ` at 3 sites: 20 change, 2 have the release already, 2 would be skipped.`, after the number of devices. */
export function numbersWords({ devicesTotal, devicesSkipped, devicesCurrent, sites }: Pick<PlanRolloutResponse, "devicesTotal" | "devicesSkipped" | "devicesCurrent" | "sites">): string {
  const change = devicesTotal - devicesSkipped - devicesCurrent;
  const told = [
    `${figure(change)} ${change === 1 ? "changes" : "change"}`,
    devicesCurrent > 0 && `${figure(devicesCurrent)} ${devicesCurrent === 1 ? "has" : "have"} the release already`,
    devicesSkipped > 0 && `${figure(devicesSkipped)} would be skipped`,
  ];
  return ` at ${sites === 1 ? "1 site" : `${figure(sites)} sites`}: ${told.filter(Boolean).join(", ")}.`;
}

/** Why it can't be started yet. */
export function missing(plan: { devicesTotal: number; devicesSkipped: number } | undefined, hasRelease: boolean, areLimitsRight: boolean): string {
  if (!hasRelease) return "Choose a release.";
  if (!areLimitsRight) return "Correct the fields that are marked.";
  if (plan === undefined) return "It can be started once its devices are listed.";
  if (plan.devicesTotal === 0) return "It would reach no device.";
  return "Every device would be skipped.";
}
