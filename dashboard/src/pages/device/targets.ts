/** The targets of a device beside what the release that it was told to have brings to each. */
import type { ReleaseFile } from "~/gen/homepot/rollout/v1/release_pb";
import { type GetDeviceUpdateResponse, UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";

export interface TargetRow {
  target: string;
  has: string;
  /** Empty: the release has nothing for it, or there is none. */
  should: string;
  counter: bigint;
  drifted: boolean;
  isTemplate: boolean;
  isAsAsked: boolean;
  /** The device ended without the release, and has what it had. */
  isKept: boolean;
  /** The release has something for it, and the device has no such target. */
  isMissing: boolean;
}

/** The states after which the device keeps what it had, so that the release is no longer asked of it. */
const GIVEN_UP = [UpdateState.CANCELLED, UpdateState.SUPERSEDED];
/** The states in which the release is still asked of the device, and it has ended without it. */
const ENDED_WITHOUT = [UpdateState.REJECTED, UpdateState.FAILED, UpdateState.ROLLED_BACK];

export function targetRows({ targets, state }: Pick<GetDeviceUpdateResponse, "targets" | "state">, files: readonly ReleaseFile[]): TargetRow[] {
  const asked = GIVEN_UP.includes(state) ? [] : files;
  const known = targets.map(({ target, sha256, counter, drifted }) => {
    const file = asked.find((one) => one.target === target);
    const isTemplate = file?.template ?? false;
    // What a template becomes on the device is known to the device alone.
    const isAsAsked = file !== undefined && !drifted && (isTemplate ? state === UpdateState.CONFIRMED : sha256 === file.sha256);
    return { target, has: sha256, should: file?.sha256 ?? "", counter, drifted, isTemplate, isAsAsked, isKept: !isAsAsked && ENDED_WITHOUT.includes(state), isMissing: false };
  });
  const missing = asked
    .filter(({ target }) => !targets.some((one) => one.target === target))
    .map(({ target, sha256, template }) => ({ target, has: "", should: sha256, counter: 0n, drifted: false, isTemplate: template, isAsAsked: false, isKept: false, isMissing: true }));
  return [...known, ...missing];
}
