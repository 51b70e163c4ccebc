import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { OperatorSchema, Role } from "~/gen/homepot/registry/v1/registry_pb";
import { canRevoke, canRotate, fullName, madeBy, matching, nameFault, standing } from "./rules";

const NOW = 1_000_000;
const operator = (name: string, more: { role?: Role; siteIds?: string[]; madeBy?: string; ends?: number; isRevoked?: boolean; issuer?: string } = {}) =>
  create(OperatorSchema, {
    name,
    role: more.role ?? Role.VIEWER,
    siteIds: more.siteIds ?? [],
    madeBy: more.madeBy ?? "",
    issuer: more.issuer ?? "",
    expiresAt: more.ends === undefined ? undefined : timestampFromMs(more.ends),
    revokedAt: more.isRevoked ? timestampFromMs(1) : undefined,
  });
const root = operator("root", { role: Role.ADMIN });
const ann = operator("ann", { role: Role.ADMIN, siteIds: ["a"], madeBy: "root" });
const night = operator("night@ann", { siteIds: ["a"], madeBy: "ann", role: Role.ADMIN });
const deep = operator("deep@night@ann", { siteIds: ["a"], madeBy: "night@ann" });
const old = operator("old@ann", { madeBy: "ann", ends: NOW - 1 });
const gone = operator("gone@ann", { madeBy: "ann", isRevoked: true });
const all = [root, ann, night, deep, old, gone];

test("a token is good until it ends or is ended", () => {
  expect([root, old, gone, operator("x", { ends: NOW + 1 })].map((one) => standing(one, NOW))).toEqual(["good", "expired", "revoked", "good"]);
});

test("nobody gives a token that lasts longer than its own", () => {
  const caller = operator("me", { ends: NOW + 100 });
  expect(canRotate(operator("x", { ends: NOW + 100 }), caller, NOW)).toBe(true);
  expect(canRotate(operator("x", { ends: NOW + 101 }), caller, NOW)).toBe(false);
  expect(canRotate(operator("x"), caller, NOW)).toBe(false);
  expect(canRotate(operator("x"), root, NOW)).toBe(true);
  expect(canRotate(gone, root, NOW)).toBe(false);
});

test("who signs in with an identity provider has no token to replace, and is no admin on whom the fleet can count", () => {
  const acme = operator("acme", { role: Role.ADMIN, issuer: "https://login.example" });
  expect(canRotate(acme, root, NOW)).toBe(false);
  expect(canRevoke(acme, [root, acme], NOW)).toBe(true);
  expect(canRevoke(root, [root, acme], NOW)).toBe(false);
});

test("the last admin of every site can't be revoked", () => {
  expect(canRevoke(root, all, NOW)).toBe(false);
  expect(canRevoke(root, [...all, operator("other", { role: Role.ADMIN })], NOW)).toBe(true);
  expect(canRevoke(root, [...all, operator("other", { role: Role.ADMIN, ends: NOW - 1 })], NOW)).toBe(false);
  expect(canRevoke(ann, all, NOW)).toBe(true);
  expect(canRevoke(gone, all, NOW)).toBe(false);
});

test("what an operator made goes on through those that it made, and leaves out what has ended", () => {
  expect(madeBy("ann", all, NOW).map((one) => one.name)).toEqual(["deep@night@ann", "night@ann"]);
  expect(madeBy("deep@night@ann", all, NOW)).toEqual([]);
});

test("what is still good is found through a maker that has ended", () => {
  const child = operator("child", { madeBy: "gone@ann" });
  expect(madeBy("ann", [...all, child], NOW).map((one) => one.name)).toContain("child");
});

test("the name of an admin of some sites is added once", () => {
  expect(fullName("till", ann)).toBe("till@ann");
  expect(fullName("till@ann", ann)).toBe("till@ann");
  expect(fullName(" till ", root)).toBe("till");
  expect(fullName("", ann)).toBe("");
});

test("a name that the server would refuse is told beforehand", () => {
  expect(nameFault("till-1.x_y@ann")).toBeUndefined();
  expect(nameFault("till 1")).toContain("letters");
  expect(nameFault("x".repeat(65))).toContain("65");
});

test("filters hold together", () => {
  expect(matching(all, { search: "ANN", standing: "good", maker: "" }, NOW).map((one) => one.name)).toEqual(["ann", "night@ann", "deep@night@ann"]);
  expect(matching(all, { search: "", standing: "", maker: "ann" }, NOW)).toHaveLength(3);
});
