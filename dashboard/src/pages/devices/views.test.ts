import { expect, test, vi } from "vitest";

const store = new Map<string, string>();
vi.stubGlobal("localStorage", { getItem: (key: string) => store.get(key) ?? null, setItem: (key: string, value: string) => store.set(key, value) });
const { faultOf, keep, keyOf, parsed, sameQuery, viewsOf } = await import("./views");

const view = { name: "Silent tills", query: "status=OFFLINE&source=real" };

test("views are kept by operator", () => {
  expect(viewsOf("ann")).toEqual([]);
  keep("ann", [view]);
  expect(viewsOf("bob")).toEqual([]);
  expect(viewsOf("ann")).toEqual([view]);
  expect(parsed(store.get(keyOf("ann")) ?? null)).toEqual([view]);
});

test("what is no view is left out", () => {
  expect(parsed("{")).toEqual([]);
  expect(parsed(JSON.stringify([view, { name: "x" }, 7]))).toEqual([view]);
});

test("the order of parameters makes no other view", () => {
  expect(sameQuery("a=1&b=2", "b=2&a=1")).toBe(true);
  expect(sameQuery("a=1", "a=2")).toBe(false);
});

test("a name is needed, and its own", () => {
  expect(faultOf(" ", [])).toMatch(/name/);
  expect(faultOf("Silent tills ", [view])).toMatch(/already/);
  expect(faultOf("Other", [view])).toBeUndefined();
});
