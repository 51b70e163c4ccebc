/** Whom a run or a rollout reaches, in words. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Target } from "~/gen/homepot/command/v1/command_pb";
import { devicesWord } from "~/parts/run/progress";

const KIND: Readonly<Record<DeviceSource, string>> = {
  [DeviceSource.UNSPECIFIED]: "",
  [DeviceSource.REAL]: "real ",
  [DeviceSource.SIMULATED]: "simulated ",
};

/** Such as `simulated devices with simulation=shop at site-001`. */
export function targetWords(target: Target | undefined): string {
  if (!target) return "no devices";
  const kind = KIND[target.source];
  if (target.deviceIds.length === 1) return `the device ${target.deviceIds[0]}`;
  if (target.deviceIds.length > 0) return `${devicesWord(target.deviceIds.length).replace(" ", ` named `)}`;
  if (target.fleet) return `the whole fleet of ${kind}devices`;
  const labels = target.labelSelector && ` with ${target.labelSelector}`;
  const site = target.siteId && ` at ${target.siteId}`;
  return `${kind}devices${labels}${site}`;
}
