import { expect, test } from "vitest";
import { outcome } from "./outcome";

const nothing = { operator: { name: "ann" }, alsoRevoked: [], enrollmentTokensRevoked: 0, operatorsLeft: 0, enrollmentTokensLeft: 0 };

test("a revocation says what went along and what is left", () => {
  expect(outcome(nothing)).toBe("ann is revoked.");
  expect(outcome({ ...nothing, alsoRevoked: ["b@ann", "c@ann"], enrollmentTokensRevoked: 2 })).toBe("ann is revoked. Also revoked: b@ann, c@ann and 2 enrolment tokens.");
  expect(outcome({ ...nothing, operatorsLeft: 1 })).toBe("ann is revoked. Of what it made, 1 operator is still good.");
  expect(outcome({ ...nothing, operatorsLeft: 1, enrollmentTokensLeft: 1 })).toBe("ann is revoked. Of what it made, 1 operator and 1 enrolment token are still good.");
});
