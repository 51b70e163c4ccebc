import { expect, test } from "vitest";
import { Role } from "~/gen/homepot/registry/v1/registry_pb";
import { rights, rolesUpTo, siteWords } from "./roles";

test("no site named means every site; many are counted", () => {
  expect(siteWords([])).toBe("every site");
  expect(siteWords(["a"])).toBe("a");
  expect(siteWords(["a", "b"])).toBe("a and b");
  expect(siteWords(["a", "b", "c"])).toBe("a, b and c");
  expect(siteWords(["a", "b", "c", "d", "e"])).toBe("a, b, c and 2 more");
});

test("nobody gives a higher role than its own", () => {
  expect(rolesUpTo(Role.VIEWER)).toEqual([Role.VIEWER]);
  expect(rolesUpTo(Role.ADMIN)).toEqual([Role.VIEWER, Role.OPERATOR, Role.ADMIN]);
  expect(rolesUpTo(Role.UNSPECIFIED)).toEqual([]);
});

test("an admin of some sites is told that sites are not its to make", () => {
  expect(rights({ role: Role.ADMIN, siteIds: [] }).at(-1)).toBe("Makes and removes sites.");
  expect(rights({ role: Role.ADMIN, siteIds: ["a"] }).at(-1)).toContain("remove sites");
  expect(rights({ role: Role.VIEWER, siteIds: ["a"] })).toHaveLength(1);
});
