import { expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
vi.stubGlobal("location", { origin: "http://pot.example" });
const { measured } = await import("./clock");

test("the server answered halfway, as far as can be told", () => {
  expect(measured(1_000, 1_200, 1_100)).toEqual({ offsetMs: 0, withinMs: 100, at: 1_100 });
  expect(measured(1_000, 1_200, 61_100)).toMatchObject({ offsetMs: 60_000, withinMs: 100 });
  expect(measured(1_000, 1_001, 0)).toMatchObject({ offsetMs: -1_000, withinMs: 1 });
});
