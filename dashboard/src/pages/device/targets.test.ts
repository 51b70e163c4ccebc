import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ReleaseFileSchema } from "~/gen/homepot/rollout/v1/release_pb";
import { DeviceTargetSchema, UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { targetRows } from "./targets";

const prices = create(ReleaseFileSchema, { target: "prices", sha256: "new" });
const has = (sha256: string, drifted = false) => [create(DeviceTargetSchema, { target: "prices", sha256, drifted, counter: 3n })];

test("a target that has what the release brings is as it should be; one that drifted is not", () => {
  expect(targetRows({ targets: has("new"), state: UpdateState.CONFIRMED }, [prices])[0]).toMatchObject({ has: "new", should: "new", isAsAsked: true });
  expect(targetRows({ targets: has("old"), state: UpdateState.DOWNLOADING }, [prices])[0]).toMatchObject({ has: "old", should: "new", isAsAsked: false });
  expect(targetRows({ targets: has("other", true), state: UpdateState.CONFIRMED }, [prices])[0]).toMatchObject({ isAsAsked: false, drifted: true });
});

test("a device that ended without the release is not waited for", () => {
  expect(targetRows({ targets: has("old"), state: UpdateState.ROLLED_BACK }, [prices])[0]).toMatchObject({ isAsAsked: false, isKept: true });
  expect(targetRows({ targets: has("old"), state: UpdateState.DOWNLOADING }, [prices])[0]?.isKept).toBe(false);
});

test("a template is as it should be once the device confirmed it, whatever its digest is there", () => {
  const template = create(ReleaseFileSchema, { target: "prices", sha256: "text", template: true });
  expect(targetRows({ targets: has("filled"), state: UpdateState.CONFIRMED }, [template])[0]?.isAsAsked).toBe(true);
  expect(targetRows({ targets: has("filled"), state: UpdateState.APPLYING }, [template])[0]?.isAsAsked).toBe(false);
});

test("of a release that was called off, nothing is asked any more", () => {
  expect(targetRows({ targets: has("old"), state: UpdateState.CANCELLED }, [prices])[0]?.should).toBe("");
});

test("a target that the device does not have is told too", () => {
  expect(targetRows({ targets: [], state: UpdateState.REJECTED }, [prices])[0]).toMatchObject({ target: "prices", isMissing: true });
});
