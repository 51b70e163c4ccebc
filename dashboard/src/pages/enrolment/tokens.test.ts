import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { EnrollmentTokenSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { standing } from "./tokens";

test("a token is good until it is used up, over or revoked; what was done to it goes before what time did", () => {
  const token = (usesLeft: number, revokedAt?: number) =>
    create(EnrollmentTokenSchema, { usesLeft, expiresAt: timestampFromMs(1_000), revokedAt: revokedAt === undefined ? undefined : timestampFromMs(revokedAt) });
  expect([standing(token(1), 999), standing(token(0), 999), standing(token(1), 1_000), standing(token(0), 1_000)]).toEqual(["good", "used-up", "over", "over"]);
  expect(standing(token(1, 500), 2_000)).toBe("revoked");
});
