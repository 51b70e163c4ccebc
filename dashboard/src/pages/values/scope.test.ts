import { expect, test } from "vitest";
import { fieldsOf, kindsFor, mayChange, scopeOf } from "./scope";

const none = { siteId: "", label: "", deviceId: "" };

test("a scope is told in words, and a request has the field of its kind alone", () => {
  expect(scopeOf(none)).toBe("The fleet");
  expect(scopeOf({ ...none, siteId: "east" })).toBe("Site east");
  expect(scopeOf({ ...none, label: "ring=canary" })).toBe("Label ring=canary");
  expect(scopeOf({ ...none, deviceId: "till" })).toBe("Device till");
  expect(fieldsOf("fleet", "left over")).toEqual({ ...none, fleet: true });
  expect(fieldsOf("label", "ring=canary")).toEqual({ ...none, fleet: false, label: "ring=canary" });
});

test("values of the fleet and of labels are for admins of every site", () => {
  expect(kindsFor(false).map(({ value }) => value)).toEqual(["site", "device"]);
  expect(kindsFor(true)).toHaveLength(4);
  expect(mayChange(none, true, false)).toBe(false);
  expect(mayChange(none, true, true)).toBe(true);
  expect(mayChange({ ...none, siteId: "east" }, true, false)).toBe(true);
  expect(mayChange({ ...none, siteId: "east" }, false, false)).toBe(false);
});
