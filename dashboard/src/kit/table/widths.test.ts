import { expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { least, tracks } = await import("./widths");

test("columns are as wide as what stands in them, and one takes what is left", () => {
  expect(tracks([40, 0, 90], 1)).toBe("40px minmax(9rem, 1fr) 90px");
  expect(least([40, 0, 90], 1)).toBe("calc(130px + 3 * var(--gap) + 9rem)");
});

test("where no column takes what is left, all share it", () => {
  expect(tracks([40, 90], -1)).toBe("minmax(40px, 40fr) minmax(90px, 90fr)");
  expect(least([40, 90], -1)).toBe("calc(130px + 2 * var(--gap))");
});
